//! What is wrong with a Containerfile, and what is merely unwise.

use std::fmt;

use openshift_model::ReferenceError;

use super::instructions::has_escape_directive;

/// Something at a place of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is there.
    pub what: T,
}

impl<T> Located<T> {
    pub(crate) fn new(line: usize, column: usize, what: T) -> Self {
        Self { line, column, what }
    }
}

impl<T: fmt::Display> fmt::Display for Located<T> {
    /// `line:column: what`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.what)
    }
}

/// Why a Containerfile is refused. The texts of IL-186 … IL-192 are the reference's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// IL-186: nothing says what to build from.
    #[error("Containerfile must contain at least one FROM instruction")]
    NoFrom,
    /// IL-187 … IL-189: the text cannot be taken apart.
    #[error("failed to parse Containerfile: {0}")]
    Parse(#[from] ParseProblem),
    /// IL-190: no `=` where a later line needs one.
    #[error("line {line}: {instruction} instruction must use key=value form")]
    NoEquals {
        /// The line, from 1.
        line: usize,
        /// `ENV` or `LABEL`.
        instruction: Keyword,
    },
    /// IL-191: a word that is no instruction.
    #[error("unknown Dockerfile instruction: {0}")]
    UnknownInstruction(String),
    /// IL-192: an instruction without what it needs.
    #[error("{0} instruction requires {what}", what = .0.needs())]
    NoArguments(Keyword),
    /// A flag that the instruction, or this builder, does not know.
    #[error("{keyword} does not take {flag} ({builder})")]
    Flag {
        /// The instruction.
        keyword: Keyword,
        /// The flag with its dashes.
        flag: String,
        /// The builder and its version.
        builder: String,
    },
    /// A here-document, for a builder that reads it as instructions.
    #[error("{0} does not know here-documents: write a file with RUN and `printf`")]
    HereDocument(String),
    /// A quote without its other half.
    #[error("a quote ({0}) is not closed")]
    OpenQuote(char),
    /// A variable that no builder can fill in.
    #[error(
        "the variable {:?} is written wrongly: there are $NAME, ${{NAME}}, ${{NAME:-default}} and \
         ${{NAME:+other}}",
        format!("${{{_0}")
    )]
    Variable(String),
    /// FROM with other words than it takes.
    #[error("FROM takes an image, or an image and a name: FROM <image> AS <name>")]
    FromForm,
    /// FROM with a variable that has no value.
    #[error(
        "FROM {0:?} names no image: the variable has no value; give it one before the first FROM: \
         ARG <name>=<image>"
    )]
    NoBaseImage(String),
    /// FROM, with something that is neither a stage nor an image.
    #[error("{image:?} is no image reference: {source}: {}", source.hint())]
    Image {
        /// What stands there.
        image: String,
        /// What is wrong, and where.
        source: ReferenceError,
    },
    /// A stage in other letters.
    #[error("there is no stage {found:?}: names of stages are case-sensitive, write `{stage}`")]
    StageCase {
        /// What stands there.
        found: String,
        /// The stage.
        stage: String,
    },
    /// Nothing that a file can be copied from.
    #[error("there is no stage or image {0:?} before this instruction")]
    NoSource(String),
    /// IL-271: a file that the context of a build on a cluster lacks.
    #[error(
        "{keyword} {file:?}: the context of a build on a cluster holds no file of yours: copy from \
         an image (--from=<image>), or write the file with a here-document"
    )]
    NotInContext {
        /// `COPY` or `ADD`.
        keyword: Keyword,
        /// The file.
        file: String,
    },
    /// A mount of another type.
    #[error("{0:?} is no type of mount: there are bind, cache, secret, ssh and tmpfs")]
    MountType(String),
    /// SHELL in another form.
    #[error("SHELL takes a JSON array: SHELL [\"/bin/bash\", \"-c\"]")]
    ShellForm,
    /// STOPSIGNAL without a signal.
    #[error("{0:?} is no signal: write a number or a name, e.g. SIGTERM")]
    Signal(String),
    /// HEALTHCHECK in another form.
    #[error("HEALTHCHECK is `HEALTHCHECK CMD <command>` or `HEALTHCHECK NONE`")]
    HealthCheck,
    /// An instruction that cannot be kept for later.
    #[error("ONBUILD {0} is not possible")]
    OnBuild(String),
    /// The name of a stage of the document around the text.
    #[error(
        "the stage name {0:?} is taken: the document around this text has stages `extract` and \
         `configs`; choose another name"
    )]
    ReservedStage(String),
    /// IL-787: a global argument that the document around the text has itself.
    #[error("the argument {0} is one of the document around this text: choose another name")]
    ReservedArgument(String),
    /// A NUL byte, which no command line can hold.
    #[error("the text has a NUL byte, which no builder takes: remove it")]
    Nul,
    /// More text than the ConfigMap of a build holds.
    #[error(
        "the text has {bytes} bytes, and the ConfigMap of a build holds {most}: put what is large \
         into an image, and copy it from there"
    )]
    TooLong {
        /// How many there are.
        bytes: usize,
        /// How many fit.
        most: usize,
    },
}

impl Problem {
    /// What to do about it in `text`, where the reference's words mislead.
    pub fn hint(&self, text: &str) -> Option<&'static str> {
        match self {
            Self::NoFrom if text.starts_with('\u{feff}') => {
                Some("the text begins with a byte order mark: remove it")
            }
            Self::NoFrom => Some("begin with `FROM` and the image to build from"),
            Self::UnknownInstruction(_) if text.starts_with('\u{feff}') => {
                Some("the text begins with a byte order mark: remove it")
            }
            Self::UnknownInstruction(_) if has_escape_directive(text) => Some(
                "the escape directive has no effect, because the text does not stand at the start \
                 of the document that is built: continue lines with a backslash",
            ),
            _ => None,
        }
    }
}

/// Why a text cannot be taken apart into instructions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseProblem {
    /// IL-187: the directive names another character.
    #[error("invalid ESCAPE '{0}'. Must be ` or \\")]
    Escape(char),
    /// IL-187: two directives.
    #[error("only one escape parser directive can be used")]
    SecondEscape,
    /// IL-188: an array that holds something else than strings.
    #[error("when using JSON array syntax, arrays must be comprised of strings only")]
    NotStrings,
    /// IL-188: a name without a value.
    #[error("{0} must have two arguments")]
    OneArgument(Keyword),
    /// IL-188: a further word without `=`. The check tolerates it (IL-190).
    #[error("Syntax error - can't find = in {word:?}. Must be of the form: name=value")]
    NoEquals {
        /// The word.
        word: String,
    },
    /// IL-189: the end of a here-document is missing. The check tolerates it.
    #[error("{0}: unterminated heredoc")]
    UnterminatedHereDocument(String),
}

macro_rules! keywords {
    ($( $name:ident $text:literal $lower:literal $needs:literal, )*) => {
        /// IL-191: the instructions of a Containerfile.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(missing_docs, reason = "each is the instruction of its name")]
        pub enum Keyword {
            $( $name, )*
        }

        impl Keyword {
            /// The instruction with this name, in any case.
            pub(crate) fn of(word: &str) -> Option<Self> {
                // The longest is HEALTHCHECK.
                let mut buffer = [0; 11];
                let lower = buffer.get_mut(..word.len())?;
                lower.copy_from_slice(word.as_bytes());
                lower.make_ascii_lowercase();
                match &*lower {
                    $( $lower => Some(Self::$name), )*
                    _ => None,
                }
            }

            /// The name in upper case.
            pub const fn name(self) -> &'static str {
                match self {
                    $( Self::$name => $text, )*
                }
            }

            /// IL-192: what it needs behind it; empty where it needs nothing.
            pub(crate) const fn needs(self) -> &'static str {
                match self {
                    $( Self::$name => $needs, )*
                }
            }
        }
    };
}

keywords! {
    Add "ADD" b"add" "source and destination paths",
    Arg "ARG" b"arg" "a variable name",
    Cmd "CMD" b"cmd" "a command or arguments",
    Copy "COPY" b"copy" "source and destination paths",
    Entrypoint "ENTRYPOINT" b"entrypoint" "a command or arguments",
    Env "ENV" b"env" "key=value pairs",
    Expose "EXPOSE" b"expose" "a port",
    From "FROM" b"from" "a base image",
    Healthcheck "HEALTHCHECK" b"healthcheck" "",
    Label "LABEL" b"label" "key=value pairs",
    Maintainer "MAINTAINER" b"maintainer" "",
    Onbuild "ONBUILD" b"onbuild" "an instruction to execute",
    Run "RUN" b"run" "a command",
    Shell "SHELL" b"shell" "a shell command array",
    Stopsignal "STOPSIGNAL" b"stopsignal" "a signal",
    User "USER" b"user" "a username or UID",
    Volume "VOLUME" b"volume" "a mount point",
    Workdir "WORKDIR" b"workdir" "a directory path",
}

impl fmt::Display for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What works and is unwise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Advice {
    /// IL-179: nothing commits what the last commands left.
    #[error(
        "the last RUN does not end in `ostree container commit` (or `bootc container lint`): \
         nothing checks and cleans up what it leaves"
    )]
    NoCommit,
    /// IL-179: the image that is built lacks the configuration of the pool.
    #[error(
        "the image continues {0:?}, not `configs`: on a cluster it must, or it lacks the \
         configuration of the pool; write `FROM configs AS final`"
    )]
    NotFromConfigs(String),
    /// IL-179: the text continues the stage `configs` without saying so.
    #[error(
        "the text has no FROM and continues stage `configs`: write `FROM configs AS final` first"
    )]
    NoFrom,
    /// A number that also counts the stages of the document around the text.
    #[error(
        "stage number {0} counts `extract` and `configs`, which stand before this text: give the \
         stage a name, and use that"
    )]
    StageNumber(String),
    /// IL-193: nothing is built on an image of nodes.
    #[error("nothing is built on an image of nodes: write the instruction without ONBUILD")]
    OnBuild,
    /// IL-185: the operator's own check is not the builder's.
    #[error("the Machine Config Operator of 5.0 and later refuses the text: {0}")]
    RefusedByOperator(String),
    /// IL-104: the hash of a build is over the text, to the last byte.
    #[error(
        "the text does not end in a line feed: the same text with one makes another build \
         (in YAML, `|` keeps it and `|-` drops it)"
    )]
    NoFinalLineFeed,
    /// IL-116: the hash of a build is over the text, to the last byte.
    #[error("lines end in CRLF: the same text with LF makes another build")]
    CarriageReturn,
    /// Packages' metadata stays in the image.
    #[error(
        "rpm-ostree leaves its downloaded metadata in the image: add `rpm-ostree cleanup -m` to \
         this RUN"
    )]
    NoCleanUp,
    /// IL-187: a directive counts on the first line of a document only.
    #[error(
        "the escape directive has no effect: this text does not stand at the start of the \
         document that is built"
    )]
    EscapeDirective,
    /// Builders of older systems lack here-documents.
    #[error("builders before buildah 1.33 do not know here-documents; use `RUN` with `&& \\`")]
    HereDocument,

    /// The API refuses more than that.
    #[error("the text has {characters} characters; a MachineOSConfig takes at most {most}")]
    LongerThanApi {
        /// How many there are.
        characters: usize,
        /// How many the API takes.
        most: usize,
    },
}
