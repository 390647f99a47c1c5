//! What works and is unwise.

use std::collections::BTreeSet;

use super::instructions::escape_directive;
use super::{Advice, Instruction, Instructions, Keyword, LONGEST_IN_API, Located, Position};
use crate::render::{CONFIGS_STAGE, EXTRACT_STAGE};

/// Advice on a text that is valid, in the order of the text.
pub(super) fn of(text: &str) -> Vec<Located<Advice>> {
    let mut advice = Vec::new();
    let mut stages = Stages::default();
    for instruction in Instructions::of(text, Position::WholeDocument).map_while(Result::ok) {
        advice.extend(of_instruction(&instruction, &mut stages));
    }
    advice.extend(stages.advice());
    advice.extend(of_text(text));
    advice.sort_by_key(|found| (found.line, found.column));
    advice
}

/// What the stages of a text add up to.
#[derive(Default)]
struct Stages {
    /// Stages that continue `configs`, in lower case.
    continuing: BTreeSet<String>,
    /// The last FROM, and what it names, where that does not continue `configs`.
    stray: Option<Located<String>>,
    /// The last RUN of the last stage that commits nothing.
    uncommitted: Option<(usize, usize)>,
}

impl Stages {
    fn from(&mut self, instruction: &Instruction<'_>, image: &str, name: Option<&str>) {
        let image_name = image.to_lowercase();
        let continues = image_name == CONFIGS_STAGE || self.continuing.contains(&image_name);
        if continues && let Some(name) = name {
            self.continuing.insert(name.to_lowercase());
        }
        // A variable may name anything.
        let strays = !continues && !image.contains('$');
        self.stray =
            strays.then(|| Located::new(instruction.line, instruction.column, image.to_owned()));
        self.uncommitted = None;
    }

    fn run(&mut self, instruction: &Instruction<'_>) {
        let commits = ["ostree container commit", "bootc container lint"]
            .iter()
            .any(|command| has_words(&instruction.text, command));
        // What a here-document does stands outside the instruction.
        let may_commit = commits || instruction.has_here_document;
        self.uncommitted = (!may_commit).then_some((instruction.line, instruction.column));
    }

    fn advice(self) -> impl Iterator<Item = Located<Advice>> {
        let stray = self.stray.map(|found| {
            Located::new(found.line, found.column, Advice::NotFromConfigs(found.what))
        });
        let uncommitted = self
            .uncommitted
            .map(|(line, column)| Located::new(line, column, Advice::NoCommit));
        stray.into_iter().chain(uncommitted)
    }
}

fn of_instruction(instruction: &Instruction<'_>, stages: &mut Stages) -> Vec<Located<Advice>> {
    let mut found = Vec::new();
    match instruction.keyword {
        Some(Keyword::From) => {
            let (image, name) = stage(instruction);
            stages.from(instruction, image, name);
            found.extend(
                name.filter(|name| is_reserved(name))
                    .map(|name| Advice::ReservedStage(name.to_owned())),
            );
        }
        Some(Keyword::Run) => {
            stages.run(instruction);
            let installs = ["install", "override", "upgrade", "update"]
                .iter()
                .any(|verb| has_words(&instruction.text, &format!("rpm-ostree {verb}")));
            if installs && !has_words(&instruction.text, "rpm-ostree cleanup") {
                found.push(Advice::NoCleanUp);
            }
        }
        _ => {}
    }
    if instruction.has_here_document {
        found.push(Advice::HereDocument);
    }
    let at = |what| Located::new(instruction.line, instruction.column, what);
    found.into_iter().map(at).collect()
}

/// The image and the name of a FROM.
pub(crate) fn stage<'b>(instruction: &'b Instruction<'_>) -> (&'b str, Option<&'b str>) {
    let mut words = instruction.arguments().split_whitespace();
    let image = words.next().unwrap_or_default();
    let name = words
        .next()
        .filter(|word| word.eq_ignore_ascii_case("as"))
        .and(words.next());
    (image, name)
}

/// Whether the rendered document has a stage of this name.
pub(crate) fn is_reserved(name: &str) -> bool {
    [CONFIGS_STAGE, EXTRACT_STAGE]
        .iter()
        .any(|taken| name.eq_ignore_ascii_case(taken))
}

/// Whether a text has these words in a row, whatever blanks are between them and whatever the shell
/// has before and behind them. Word by word: time grows with the text alone.
fn has_words(text: &str, wanted: &str) -> bool {
    let mut wanted = wanted.split(' ');
    let Some(first) = wanted.next() else {
        return true;
    };
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        let mut following = words.clone();
        let mut follows = |word: &str| {
            let found = following.next().unwrap_or_default();
            found.trim_end_matches([';', '&', ')', '"', '\'']) == word
        };
        if word.ends_with(first) && wanted.clone().all(&mut follows) {
            return true;
        }
    }
    false
}

fn of_text(text: &str) -> Vec<Located<Advice>> {
    let mut found = Vec::new();
    if let Some(at) = text.find("\r\n") {
        let line = text.get(..at).unwrap_or_default().matches('\n').count() + 1;
        found.push(Located::new(line, 1, Advice::CarriageReturn));
    }
    if text
        .lines()
        .next()
        .is_some_and(|line| escape_directive(line.trim_start()).is_some())
    {
        found.push(Located::new(1, 1, Advice::EscapeDirective));
    }
    let last = text.lines().count().max(1);
    let characters = text.chars().count();
    if characters > LONGEST_IN_API {
        let most = LONGEST_IN_API;
        found.push(Located::new(
            last,
            1,
            Advice::LongerThanApi { characters, most },
        ));
    }
    if !text.is_empty() && !text.ends_with('\n') {
        let column = text.lines().next_back().unwrap_or_default().chars().count() + 1;
        found.push(Located::new(last, column, Advice::NoFinalLineFeed));
    }
    found
}
