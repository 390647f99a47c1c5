//! `docs/reference/rules.md`: from a rule of the specification to its code and its test.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ExprLit, ItemMod, Lit, Meta};

use super::{GENERATED, spec};

/// What is known of a rule.
#[derive(Default)]
struct Rule {
    /// Our wording, from the first item that states it.
    wording: Option<String>,
    /// The items that implement it.
    items: BTreeSet<String>,
    /// The tests that are named after it.
    tests: BTreeSet<String>,
}

/// Folders with sources that name rules.
const SOURCES: [&str; 4] = ["crates", "bins", "testing", "xtask"];

/// The table of all rules that the sources name. A rule that `docs/spec` does not define is an
/// error.
pub(crate) fn table(root: &Path) -> Result<String, String> {
    let mut rules: BTreeMap<String, Rule> = BTreeMap::new();
    let mut files = Vec::new();
    for folder in SOURCES {
        sources(&root.join(folder), &mut files)?;
    }
    files.sort();
    for path in files {
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = fs::read_to_string(&path).map_err(|error| failed(&error))?;
        let file = syn::parse_file(&text).map_err(|error| failed(&error))?;
        let module = module_of(root, &path);
        Scanner {
            module,
            in_tests: false,
            rules: &mut rules,
        }
        .visit_file(&file);
    }
    let links = spec::links(root)?;
    let unknown: Vec<_> = rules.keys().filter(|id| !links.contains_key(*id)).collect();
    if !unknown.is_empty() {
        return Err(format!("docs/spec does not define {unknown:?}"));
    }
    Ok(print(&rules, &links))
}

fn print(rules: &BTreeMap<String, Rule>, links: &BTreeMap<String, String>) -> String {
    let mut text = format!("{GENERATED}# Rules\n\n");
    text.push_str(
        "From a rule of the specification (its id leads to the text) to the code that implements it \
         and the tests that hold it.\n\n| rule | wording | code | tests |\n|---|---|---|---|\n",
    );
    for (id, rule) in rules {
        let wording = rule.wording.as_deref().unwrap_or("").replace('|', "\\|");
        let list = |names: &BTreeSet<String>| {
            names
                .iter()
                .map(|name| format!("`{name}`"))
                .collect::<Vec<_>>()
                .join("<br>")
        };
        let link = links.get(id).map_or("", String::as_str);
        text.push_str(&format!(
            "| [{id}]({link}) | {wording} | {} | {} |\n",
            list(&rule.items),
            list(&rule.tests)
        ));
    }
    text
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let failed = |error| format!("{}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            sources(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// `crates/openshift-model/src/kinds/cluster.rs` is `openshift_model::kinds::cluster`.
fn module_of(root: &Path, path: &Path) -> String {
    let path = path.strip_prefix(root).unwrap_or(path).with_extension("");
    let parts = path.iter().filter_map(|part| part.to_str());
    let parts = parts
        .filter(|part| !["crates", "bins", "testing", "src", "lib", "mod", "main"].contains(part));
    parts
        .map(|part| part.replace('-', "_"))
        .collect::<Vec<_>>()
        .join("::")
}

struct Scanner<'r> {
    module: String,
    in_tests: bool,
    rules: &'r mut BTreeMap<String, Rule>,
}

impl Scanner<'_> {
    fn item(&mut self, name: &str, attributes: &[Attribute]) {
        if self.in_tests {
            return;
        }
        let documentation = documentation(attributes);
        let path = format!("{}::{name}", self.module);
        for paragraph in documentation.split("\n\n") {
            for id in ids(paragraph) {
                let rule = self.rules.entry(id.clone()).or_default();
                rule.items.insert(path.clone());
                if rule.wording.is_none() {
                    rule.wording = Some(wording(paragraph));
                }
            }
        }
    }

    fn test(&mut self, name: &str) {
        for id in ids_of_test(name) {
            let path = format!("{}::{name}", self.module);
            self.rules.entry(id).or_default().tests.insert(path);
        }
    }
}

impl<'ast> Visit<'ast> for Scanner<'_> {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        let outside = self.in_tests;
        self.in_tests |= item.ident == "tests" || item.ident == "testing";
        visit::visit_item_mod(self, item);
        self.in_tests = outside;
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        let name = item.sig.ident.to_string();
        let is_test = item
            .attrs
            .iter()
            .any(|attribute| attribute.path().is_ident("test"));
        if is_test {
            self.test(&name);
        } else {
            self.item(&name, &item.attrs);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.item(&item.sig.ident.to_string(), &item.attrs);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.item(&item.ident.to_string(), &item.attrs);
        for variant in &item.variants {
            self.item(
                &format!("{}::{}", item.ident, variant.ident),
                &variant.attrs,
            );
        }
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.item(&item.ident.to_string(), &item.attrs);
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.item(&item.ident.to_string(), &item.attrs);
    }

    fn visit_item_macro(&mut self, item: &'ast syn::ItemMacro) {
        // Inside `proptest!` stand tests, inside `view!` structs with documentation.
        let tokens = item.mac.tokens.to_string();
        if item.mac.path.is_ident("proptest") {
            for word in tokens.split(|c: char| !c.is_alphanumeric() && c != '_') {
                self.test(word);
            }
        } else if let Ok(view) = syn::parse_str::<ViewHead>(&tokens) {
            self.item(&view.name, &view.attributes);
        }
    }
}

/// The head of a `view!`: what stands in front of the first member.
struct ViewHead {
    attributes: Vec<Attribute>,
    name: String,
}

impl syn::parse::Parse for ViewHead {
    fn parse(input: syn::parse::ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let _: syn::Visibility = input.parse()?;
        let _: syn::Token![struct] = input.parse()?;
        let name: syn::Ident = input.parse()?;
        let _: proc_macro2::TokenStream = input.parse()?;
        Ok(Self {
            attributes,
            name: name.to_string(),
        })
    }
}

fn documentation(attributes: &[Attribute]) -> String {
    let mut lines = Vec::new();
    for attribute in attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("doc"))
    {
        if let Meta::NameValue(pair) = &attribute.meta
            && let Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            }) = &pair.value
        {
            lines.push(text.value().trim().to_owned());
        }
    }
    lines.join("\n")
}

/// The prefixes of ids: rules of boot images, rules of layering, test tables, weaknesses.
const PREFIXES: [&str; 4] = ["BI", "IL", "T", "W"];

/// The ids in a text: `BI-251`, `IL-103`, `T-04`, `W-13`.
fn ids(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-') {
        if let Some((prefix, number)) = word.split_once('-')
            && PREFIXES.contains(&prefix)
            && (2..=3).contains(&number.len())
            && number.bytes().all(|byte| byte.is_ascii_digit())
        {
            found.push(word.to_owned());
        }
    }
    found
}

/// The ids in the name of a test: `t_04_bi_200_…` is about T-04 and BI-200.
fn ids_of_test(name: &str) -> Vec<String> {
    let parts: Vec<&str> = name.split('_').collect();
    let pairs = parts.iter().zip(parts.iter().skip(1));
    let id = |(prefix, number): (&&str, &&str)| format!("{}-{number}", prefix.to_uppercase());
    pairs.map(id).filter(|id| ids(id).len() == 1).collect()
}

/// The first sentence of a paragraph, without the ids in front of it.
fn wording(paragraph: &str) -> String {
    let text = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = match text.split_once(": ") {
        Some((head, rest)) if !ids(head).is_empty() && head.len() < 60 => rest.to_owned(),
        _ => text,
    };
    let end = text.find(". ").unwrap_or(text.len());
    text.get(..end)
        .unwrap_or(&text)
        .trim_end_matches('.')
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_in_texts_and_names() {
        assert_eq!(
            ids("BI-250 … BI-256, T-04 (IL-103)."),
            ["BI-250", "BI-256", "T-04", "IL-103"]
        );
        assert_eq!(ids("X-250 BI-2 BI-abc aBI-250"), Vec::<String>::new());
        assert_eq!(
            ids_of_test("t_04_bi_200_bi_201_x"),
            ["T-04", "BI-200", "BI-201"]
        );
    }

    #[test]
    fn a_wording_is_the_first_sentence() {
        assert_eq!(
            wording("BI-251, BI-253: what counts.\nMore. Text"),
            "what counts"
        );
        assert_eq!(
            wording("What is read (BI-346), in order. More"),
            "What is read (BI-346), in order"
        );
    }
}
