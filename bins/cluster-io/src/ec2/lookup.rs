//! BI-262: many images at once, though one that EC2 does not have spoils the whole call.

use std::collections::BTreeMap;

use openshift_model::facts::{Answer, AwsImage};

use super::answer::{Meaning, Refusal};

/// Images to a call.
const BATCH: usize = 100;

/// Calls for the images of a region: a cluster uses a handful of images, so this is one or two in
/// practice, and no storm where EC2 names what it does not have one at a time.
const MAX_CALLS: usize = 100;

/// Images that are looked up in one region, in calls that somebody else makes.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    waiting: Vec<Vec<String>>,
    calls: usize,
    answers: BTreeMap<String, Answer<AwsImage>>,
}

impl Lookup {
    /// What cannot be an image's id is asked in calls of its own: it would spoil those of others.
    pub(super) fn new(ids: impl IntoIterator<Item = String>) -> Self {
        let (proper, odd): (Vec<_>, Vec<_>) = ids.into_iter().partition(|id| is_image_id(id));
        let batches = odd.chunks(BATCH).chain(proper.chunks(BATCH));
        Self {
            waiting: batches.map(<[String]>::to_vec).collect(),
            ..Self::default()
        }
    }

    /// The images of the next call; none where all is answered.
    pub(super) fn next_batch(&mut self) -> Option<Vec<String>> {
        if self.calls == MAX_CALLS {
            self.give_up(&format!(
                "EC2 was called {MAX_CALLS} times for other images"
            ));
        }
        self.calls += 1;
        self.waiting.pop()
    }

    /// The answer to a call. What EC2 leaves out it does not have.
    pub(super) fn found(&mut self, batch: Vec<String>, images: Vec<AwsImage>) {
        let images = images.into_iter().map(|image| (image.id.clone(), image));
        let mut images: BTreeMap<_, _> = images.collect();
        for id in batch {
            let answer = images.remove(&id).map_or(Answer::NotFound, Answer::Found);
            self.answers.insert(id, answer);
        }
    }

    /// EC2 refuses a call. What it names is answered by that; what it does not name is asked again,
    /// in halves if it names nothing and has no such image.
    pub(super) fn refused(&mut self, batch: Vec<String>, refusal: &Refusal) {
        let (named, rest): (Vec<_>, Vec<_>) = batch.into_iter().partition(|id| refusal.names(id));
        let answer = match refusal.meaning() {
            Meaning::NoSuchImages => Answer::NotFound,
            Meaning::Busy | Meaning::Denied => Answer::Denied(refusal.to_string()),
        };
        if !named.is_empty() {
            self.answer(named, &answer);
            self.wait(rest);
        } else if rest.len() > 1 && answer == Answer::NotFound {
            let (one, other) = rest.split_at(rest.len() / 2);
            self.wait(other.to_vec());
            self.wait(one.to_vec());
        } else {
            self.answer(rest, &answer);
        }
    }

    /// Nothing more is asked.
    pub(super) fn give_up(&mut self, words: &str) {
        for batch in std::mem::take(&mut self.waiting) {
            self.deny(batch, words);
        }
    }

    /// Nobody says anything of these.
    pub(super) fn deny(&mut self, batch: Vec<String>, words: &str) {
        self.answer(batch, &Answer::Denied(words.to_owned()));
    }

    /// Every answer.
    pub(super) fn into_answers(self) -> BTreeMap<String, Answer<AwsImage>> {
        self.answers
    }

    fn wait(&mut self, batch: Vec<String>) {
        if !batch.is_empty() {
            self.waiting.push(batch);
        }
    }

    fn answer(&mut self, ids: Vec<String>, answer: &Answer<AwsImage>) {
        let answers = ids.into_iter().map(|id| (id, answer.clone()));
        self.answers.extend(answers);
    }
}

fn is_image_id(id: &str) -> bool {
    id.strip_prefix("ami-").is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;

    fn refusal(code: &str, message: &str) -> Refusal {
        let error = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
        Refusal::read(StatusCode::BAD_REQUEST, &error, None).unwrap()
    }

    /// How a call with missing images is refused.
    #[derive(Clone, Copy, Debug)]
    enum Naming {
        All,
        One,
        Nothing,
    }

    /// Looks ids up in an EC2 that has what begins with `ami-a`; ids of `ami-d…` are denied.
    /// Returns the letters of the answers, in the order of the ids, and the number of calls.
    fn look_up(ids: &[String], naming: Naming) -> (String, usize) {
        let mut lookup = Lookup::new(ids.iter().cloned());
        let mut calls = 0;
        while let Some(batch) = lookup.next_batch() {
            calls += 1;
            let kind = |kind: &str| -> Vec<&str> {
                let ids = batch.iter().map(String::as_str);
                ids.filter(|id| id.starts_with(kind)).collect()
            };
            let (there, denied) = (kind("ami-a"), kind("ami-d"));
            let missing: Vec<_> = batch.iter().map(String::as_str).collect();
            let missing: Vec<_> = missing
                .into_iter()
                .filter(|id| !there.contains(id) && !denied.contains(id))
                .collect();
            if !denied.is_empty() {
                let words = format!("Not authorized for images: [{}]", denied.join(", "));
                lookup.refused(batch, &refusal("AuthFailure", &words));
            } else if !missing.is_empty() {
                let named = match naming {
                    Naming::All => missing.join(", "),
                    Naming::One => missing[0].to_owned(),
                    Naming::Nothing => "some".to_owned(),
                };
                lookup.refused(batch, &refusal("InvalidAMIID.NotFound", &named));
            } else {
                let image = |id: &&str| AwsImage {
                    id: (*id).to_owned(),
                    ..AwsImage::default()
                };
                let images = there.iter().map(image).collect();
                lookup.found(batch, images);
            }
        }
        let answers = lookup.into_answers();
        let letter = |id: &String| match &answers[id] {
            Answer::Found(image) if image.id == *id => 'F',
            Answer::Found(_) => '?',
            Answer::NotFound => 'N',
            Answer::Denied(_) => 'D',
        };
        (ids.iter().map(letter).collect(), calls)
    }

    fn check(ids: &[&str], naming: Naming, expected: &str, expected_calls: usize) {
        let ids: Vec<_> = ids.iter().map(|id| (*id).to_owned()).collect();
        let (letters, calls) = look_up(&ids, naming);
        assert_eq!(
            (letters.as_str(), calls),
            (expected, expected_calls),
            "{ids:?} {naming:?}"
        );
    }

    #[test]
    fn bi_277_an_unknown_image_does_not_spoil_the_others() {
        let mixed = ["ami-a1", "ami-x1", "ami-a2", "ami-x2"];
        check(&mixed, Naming::All, "FNFN", 2);
        check(&mixed, Naming::One, "FNFN", 3);
        check(&mixed, Naming::Nothing, "FNFN", 7);
        check(&["ami-a1"], Naming::All, "F", 1);
        check(&["ami-x1"], Naming::Nothing, "N", 1);
        check(&[], Naming::All, "", 0);
    }

    #[test]
    fn bi_260_what_is_no_id_is_asked_by_itself() {
        check(&["ami-a1", "", "x y", "ami-"], Naming::Nothing, "FNNN", 6);
        check(&["ami-a1", "", "x"], Naming::All, "FNN", 3);
    }

    #[test]
    fn bi_277_a_denial_is_of_what_it_names() {
        check(&["ami-a1", "ami-d1", "ami-x1"], Naming::All, "FDN", 3);
        let mut lookup = Lookup::new(["ami-1".to_owned(), "ami-2".to_owned()]);
        let batch = lookup.next_batch().unwrap();
        lookup.refused(
            batch,
            &refusal("UnauthorizedOperation", "You are not allowed."),
        );
        assert_eq!(lookup.next_batch(), None);
        let denied = Answer::Denied("UnauthorizedOperation: You are not allowed.".to_owned());
        let answers = lookup.into_answers();
        assert_eq!(answers.len(), 2);
        assert!(answers.values().all(|answer| *answer == denied));
    }

    #[test]
    fn what_an_answer_leaves_out_is_not_there() {
        let mut lookup = Lookup::new(["ami-1".to_owned()]);
        let batch = lookup.next_batch().unwrap();
        lookup.found(batch, vec![AwsImage::default()]);
        assert_eq!(lookup.into_answers()["ami-1"], Answer::NotFound);
    }

    #[test]
    fn calls_are_bounded() {
        let many = |kind: char| (0..1000).map(move |number| format!("ami-{kind}{number}"));
        let (letters, calls) = look_up(&many('a').collect::<Vec<_>>(), Naming::All);
        assert_eq!((letters, calls), ("F".repeat(1000), 10));
        let (letters, calls) = look_up(&many('x').collect::<Vec<_>>(), Naming::One);
        assert_eq!(calls, MAX_CALLS);
        assert_eq!(letters.matches('N').count(), MAX_CALLS);
        assert_eq!(letters.matches('D').count(), 900);
    }
}
