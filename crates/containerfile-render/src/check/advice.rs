//! Advice on a text that the builder takes.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::instructions::has_escape_directive;
use super::instructions::{Instruction, Position};
use super::{Advice, CheckFor, Keyword, LONGEST_IN_API, Located, Place, builder, reference};
use crate::render::CONFIGS_STAGE;

/// Advice on a text that the builder takes, in the order of the text.
pub(super) fn of(text: &str, checked: CheckFor) -> Vec<Located<Advice>> {
    let mut advice = Vec::new();
    let mut stages = Stages::of(checked.place);
    for instruction in builder::instructions(text, checked).map_while(Result::ok) {
        advice.extend(of_instruction(&instruction, &mut stages));
    }
    advice.extend(stages.advice());
    advice.extend(of_text(text));
    if checked.place == Place::Cluster {
        advice.extend(on_cluster(text));
    }
    advice.sort_by_key(|found| (found.line, found.column));
    advice
}

/// What is known about the stages of a text.
struct Stages {
    place: Place,
    /// Stages that continue `configs`.
    continuing: BTreeSet<String>,
    /// Whether there was a FROM.
    has_from: bool,
    /// The first instruction, where it is not a FROM or an ARG in front of one.
    without_from: Option<(usize, usize)>,
    /// The last FROM, and what it names, where that does not continue `configs`.
    stray: Option<Located<String>>,
    /// The last RUN of the last stage that commits nothing.
    uncommitted: Option<(usize, usize)>,
}

impl Stages {
    fn of(place: Place) -> Self {
        Self {
            place,
            continuing: BTreeSet::from([CONFIGS_STAGE.to_owned()]),
            has_from: false,
            without_from: None,
            stray: None,
            uncommitted: None,
        }
    }

    fn from(&mut self, instruction: &Instruction<'_>) {
        let (image, name) = stage(instruction);
        let continues = self.continuing.contains(image);
        if continues && let Some(name) = name {
            self.continuing.insert(name.to_owned());
        }
        // A variable may stand for `configs`.
        let strays = !continues && !image.contains('$');
        self.stray =
            strays.then(|| Located::new(instruction.line, instruction.column, image.to_owned()));
        self.has_from = true;
        self.uncommitted = None;
    }

    fn run(&mut self, instruction: &Instruction<'_>) {
        let command = command(instruction);
        let commits = ["ostree container commit", "bootc container lint"]
            .iter()
            .any(|wanted| has_words(&command, wanted));
        // What a here-document does stands outside the instruction.
        let may_commit = commits || instruction.has_here_document;
        self.uncommitted = (!may_commit).then_some((instruction.line, instruction.column));
    }

    fn advice(self) -> impl Iterator<Item = Located<Advice>> {
        let on_cluster = self.place == Place::Cluster;
        let stray = self.stray.filter(|_| on_cluster).map(|found| {
            Located::new(found.line, found.column, Advice::NotFromConfigs(found.what))
        });
        let uncommitted = self
            .uncommitted
            .map(|(line, column)| Located::new(line, column, Advice::NoCommit));
        let without_from = self
            .without_from
            .filter(|_| on_cluster)
            .map(|(line, column)| Located::new(line, column, Advice::NoFrom));
        stray.into_iter().chain(uncommitted).chain(without_from)
    }
}

/// The command of a RUN, in whichever form it is written.
fn command<'b>(instruction: &'b Instruction<'_>) -> Cow<'b, str> {
    match &instruction.json {
        Some(words) => Cow::Owned(words.join(" ")),
        None => Cow::Borrowed(&instruction.text),
    }
}

fn of_instruction(instruction: &Instruction<'_>, stages: &mut Stages) -> Vec<Located<Advice>> {
    let mut found = Vec::new();
    let place = (instruction.line, instruction.column);
    match instruction.keyword {
        Some(Keyword::From) => stages.from(instruction),
        Some(Keyword::Arg) => {}
        _ if !stages.has_from => {
            stages.without_from.get_or_insert(place);
        }
        _ => {}
    }
    match instruction.keyword {
        Some(Keyword::Run) => {
            stages.run(instruction);
            let command = command(instruction);
            let installs = ["install", "override", "upgrade", "update"]
                .iter()
                .any(|verb| has_words(&command, &format!("rpm-ostree {verb}")));
            if installs && !has_words(&command, "rpm-ostree cleanup") {
                found.push(Advice::NoCleanUp);
            }
        }
        Some(Keyword::Onbuild) => found.push(Advice::OnBuild),
        Some(Keyword::Copy) if stages.place == Place::Cluster => {
            let flags = instruction.flags();
            let number = flags.iter().find(|(name, value)| {
                *name == "from" && !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit())
            });
            found.extend(number.map(|(_, value)| Advice::StageNumber((*value).to_owned())));
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
pub(super) fn stage<'b>(instruction: &'b Instruction<'_>) -> (&'b str, Option<&'b str>) {
    let mut words = instruction.arguments().split_whitespace();
    let image = words.next().unwrap_or_default();
    let name = words
        .next()
        .filter(|word| word.eq_ignore_ascii_case("as"))
        .and(words.next());
    (image, name)
}

/// What concerns the document around the text.
fn on_cluster(text: &str) -> Vec<Located<Advice>> {
    let mut found = Vec::new();
    if has_escape_directive(text) {
        found.push(Located::new(1, 1, Advice::EscapeDirective));
    }
    let refusal = reference::refusal(text, Position::Continuation);
    found.extend(refusal.map(|problem| {
        let message = problem.what.to_string();
        Located::new(
            problem.line,
            problem.column,
            Advice::RefusedByOperator(message),
        )
    }));
    found
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
