//! Golden cases: inputs with the reference's results. This module reads cases and maps them to the
//! public functions of the crates; it holds no rule of its own.

#![expect(
    clippy::indexing_slicing,
    reason = "indexing a JSON value by name never panics: what is not there is null"
)]

mod case;
mod compare;
mod differences;
mod helper;
mod ignition;
mod ignition_differences;
mod layering;
mod layering_differences;
mod machine_sets;
mod pass;
mod status;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::say;
use case::{Case, Streams};
use differences::Demand;

/// A file of cases that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GoldenError {
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
    /// A line is no case.
    #[error("{path}: line {line}: {problem}")]
    Line {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// The thread that runs the cases could not be started.
    #[error("no thread for the cases: {0}")]
    Thread(std::io::Error),
}

/// Cases nest deeper than a stack of the usual size can follow.
const STACK_BYTES: usize = 1 << 30;

/// Runs the cases of `files`; false where one differs and no row of the table says why.
pub(crate) fn run(files: &[PathBuf]) -> Result<bool, GoldenError> {
    let report = report(files, Lines::Printed)?;
    report.print();
    Ok(report.different.is_empty())
}

/// Whether a line with our result is printed for each case.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lines {
    Printed,
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "tests look at the report alone")
    )]
    LeftOut,
}

/// Runs the cases on a stack that is deep enough.
fn report(files: &[PathBuf], lines: Lines) -> Result<Report, GoldenError> {
    let files = files.to_vec();
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
    let runner = thread
        .spawn(move || run_files(&files, lines))
        .map_err(GoldenError::Thread)?;
    runner
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn run_files(files: &[PathBuf], lines: Lines) -> Result<Report, GoldenError> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut report = Report::default();
    for path in files {
        for (case, expect) in read(path)? {
            let found = evaluate(&case);
            if lines == Lines::Printed {
                let line = json!({"id": case.id, "expect": found});
                // The report counts all the same where the reader of the lines has gone away.
                let _ = writeln!(out, "{line}");
            }
            report.add(&case, &found, &expect);
        }
    }
    let _ = out.flush();
    Ok(report)
}

fn read(path: &Path) -> Result<Vec<(Case, Value)>, GoldenError> {
    let io = |source| GoldenError::Io {
        path: path.to_owned(),
        source,
    };
    let text = std::fs::read_to_string(path).map_err(io)?;
    let streams = Streams::beside(path);
    let mut cases = Vec::new();
    for (index, line) in text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
    {
        let problem = |problem: String| GoldenError::Line {
            path: path.to_owned(),
            line: index + 1,
            problem,
        };
        let value = case::parse_deep(line).map_err(|error| problem(error.to_string()))?;
        cases.push(Case::of(value, &streams).map_err(problem)?);
    }
    Ok(cases)
}

/// Calls what the case is about. An op that no function takes gives a line with `error`.
fn evaluate(case: &Case) -> Value {
    match case.op.as_str() {
        "ms_check" | "ms_sync" | "cpms_check" | "cpms_sync" => machine_sets::plan_one(case),
        "mapi_sync_all" => pass::mapi_sync_all(case),
        "arch_detect" => machine_sets::arch_detect(&case.input),
        "enrolled" => machine_sets::enrolled(&case.input),
        "ignition_convert" => ignition::ignition_convert(&case.input),
        "ignition_upgrade" => ignition::ignition_upgrade(&case.input),
        "helper" => helper::helper(&case.input),
        "install_config_disk_type" => helper::install_config_disk_type(&case.input),
        "skew_check" => status::skew_check(&case.input),
        "skew_guard" => status::skew_guard(&case.input),
        "skew_update" => status::skew_update(&case.input),
        "skew_reset" => status::skew_reset(&case.input),
        "ocp_install_version" => status::ocp_install_version(&case.input),
        "cluster_stable" => status::cluster_stable(&case.input),
        "stats_messages" => status::stats_messages(&case.input),
        "conditions" => status::conditions(&case.input),
        "mbi_status" => status::mbi_status(&case.input),
        "mosb_name" => layering::mosb_name(&case.input),
        "containerfile" => layering::containerfile(&case.input),
        "containerfile_check" => layering::containerfile_check(&case.input),
        "pullspec_digest" => layering::pullspec_digest(&case.input),
        "digested_pullspec_ok" => layering::digested_pullspec_ok(&case.input),
        "build_objects" => layering::build_objects(&case.input),
        op => json!({ "error": format!("no function takes the op {op:?}") }),
    }
}

#[derive(Default)]
struct Report {
    /// By op and verdict.
    counts: BTreeMap<String, BTreeMap<&'static str, usize>>,
    /// Different, and a row of the table says why.
    deliberate: Vec<(String, Demand)>,
    /// Different, and nothing says why.
    different: Vec<(String, Vec<String>)>,
}

impl Report {
    fn add(&mut self, case: &Case, found: &Value, expect: &Value) {
        let verdict = self.judge(case, found, expect);
        *self
            .counts
            .entry(case.op.clone())
            .or_default()
            .entry(verdict)
            .or_default() += 1;
    }

    fn judge(&mut self, case: &Case, found: &Value, expect: &Value) -> &'static str {
        if compare::is_not_there(found) {
            return "not there yet";
        }
        let problems = compare::differences(case, found, expect);
        if problems.is_empty() {
            return "equal";
        }
        if let Some(demand) = differences::demand_of(case, expect) {
            self.deliberate.push((case.id.clone(), demand));
            "deliberate"
        } else if let Some(demand) = layering_differences::demand_of(case, expect) {
            self.deliberate.push((case.id.clone(), demand));
            "deliberate"
        } else {
            self.different.push((case.id.clone(), problems));
            "different"
        }
    }

    fn print(&self) {
        for (op, counts) in &self.counts {
            let count = |(verdict, count): (&&str, &usize)| format!("{count} {verdict}");
            say(&format!(
                "{op}: {}",
                counts.iter().map(count).collect::<Vec<_>>().join(", ")
            ));
        }
        for (id, Demand { rule, demands }) in &self.deliberate {
            say(&format!("deliberate: {id}: {rule}: {demands}"));
        }
        for (id, problems) in &self.different {
            say(&format!("DIFFERENT: {id}: {}", problems.join("; ")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ops with cases in `fixtures/golden`. Those of layering have tests of their own.
    const OPS: &[&str] = &[
        "arch_detect",
        "cluster_stable",
        "conditions",
        "cpms_check",
        "enrolled",
        "helper",
        "ignition_convert",
        "ignition_upgrade",
        "install_config_disk_type",
        "mbi_status",
        "ms_check",
        "ms_sync",
        "ocp_install_version",
        "skew_check",
        "skew_guard",
        "skew_reset",
        "skew_update",
        "stats_messages",
    ];

    /// Ops with cases about stream documents of real releases, which are outside the repository.
    const OPS_ON_REAL_STREAMS: &[&str] = &[
        "cpms_check",
        "cpms_sync",
        "mapi_sync_all",
        "ms_check",
        "ms_sync",
    ];

    fn files_of(folder: &Path, ops: &[&str]) -> Vec<PathBuf> {
        ops.iter()
            .map(|op| folder.join(format!("{op}.jsonl")))
            .collect()
    }

    #[test]
    fn golden_cases_are_equal_or_in_the_table() {
        let own = crate::r#gen::root().join("fixtures/golden");
        let mut files = files_of(&own, OPS);
        let outside = crate::beside_the_clone("golden");
        if let Some(outside) = &outside {
            files.extend(files_of(outside, OPS_ON_REAL_STREAMS));
        }
        let report = report(&files, Lines::LeftOut).unwrap();
        report.print();
        assert!(report.different.is_empty(), "some cases differ: see above");
        if outside.is_none() {
            // Some rows of the table are about cases on real streams.
            return;
        }
        for demand in differences::demands() {
            let used = report.deliberate.iter().any(|(_, used)| *used == demand);
            assert!(used, "no case differs any more for {demand:?}");
        }
    }

    /// Cases on stream documents of our own: each is demanded by the rule that it names.
    #[test]
    fn bi_220_cases_on_our_streams_are_as_their_rules_demand() {
        let root = crate::r#gen::root();
        let path = root.join("fixtures/stream-cases.jsonl");
        let texts = crate::r#gen::links(&root).unwrap();
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let case: Value = serde_json::from_str(line).unwrap();
            let rule = case["rule"].as_str().unwrap();
            assert!(texts.contains_key(rule), "{}: {rule}", case["id"]);
        }
        let report = report(&[path], Lines::LeftOut).unwrap();
        report.print();
        assert!(report.different.is_empty(), "some cases differ: see above");
        assert_eq!(report.deliberate, [], "our own cases need no table");
    }

    #[test]
    fn an_unknown_op_gives_a_line_with_an_error() {
        let case = json!({"id": "x", "op": "nothing", "input": {}, "expect": {}});
        let (case, _) = Case::of(case, &Streams::default()).unwrap();
        assert!(
            evaluate(&case)["error"]
                .as_str()
                .unwrap()
                .contains("nothing")
        );
    }

    #[test]
    fn a_line_that_is_no_case_names_its_place() {
        let folder = std::env::temp_dir().join(format!("osimage-golden-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("x.jsonl");
        std::fs::write(&file, "\n{\"id\": 5}\n").unwrap();
        let error = report(&[file], Lines::LeftOut).err().unwrap().to_string();
        assert!(error.ends_with("x.jsonl: line 2: no \"id\""), "{error}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
