//! The languages that partners write in, and whether this machine has them.

use std::process::{Command, Stdio};

use crate::support::leave_out;

/// A language and the command that runs a source file of it.
pub struct Language {
    pub program: &'static str,
    /// What comes before the file on the command line.
    verb: &'static [&'static str],
    /// Arguments with which the program says whether all that a sample needs is there.
    probe: &'static [&'static str],
    /// What the probe must print.
    proof: &'static str,
}

pub const SHELL: Language = Language { program: "sh", verb: &[], probe: &["-c", "curl --version"], proof: "curl" };
pub const NODE: Language = Language { program: "node", verb: &[], probe: &["--version"], proof: "v" };
pub const PYTHON: Language = Language { program: "python3", verb: &[], probe: &["--version"], proof: "Python 3" };
pub const PERL: Language = Language {
    program: "perl",
    verb: &[],
    // Some systems ship Perl without its core modules.
    probe: &["-MHTTP::Tiny", "-MJSON::PP", "-MDigest::SHA", "-e", "print 'modules'"],
    proof: "modules",
};
// A run-time environment alone does not compile, so it cannot run a source file.
pub const JAVA: Language = Language { program: "java", verb: &[], probe: &["--list-modules"], proof: "jdk.compiler" };
pub const PHP: Language = Language { program: "php", verb: &[], probe: &["-m"], proof: "openssl" };
pub const GO: Language = Language { program: "go", verb: &["run"], probe: &["version"], proof: "go1." };
// The first one that runs a source file without a project around it.
pub const CSHARP: Language = Language { program: "dotnet", verb: &["run"], probe: &["--list-sdks"], proof: "10." };

impl Language {
    pub fn is_here(&self) -> bool {
        said(self.program, self.probe).contains(self.proof)
    }

    /// Whether the machine can run this sample; if not, that is written down. A developer's machine need not have every language. A
    /// build server installs all but C# (`scripts/languages.sh`).
    pub fn is_here_for(&self, file: &str) -> bool {
        let is_here = self.is_here();
        if !is_here {
            #[expect(clippy::disallowed_methods, reason = "what build servers set")]
            let is_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(!is_ci || self.program == CSHARP.program, "{} cannot run {file}, and CI=true", self.program);
            leave_out(&format!("{} cannot run {file}", self.program));
        }
        is_here
    }

    /// The command that runs a sample of `tests/clients`.
    pub fn command(&self, file: &str) -> Command {
        let mut command = Command::new(self.program);
        command
            .args(self.verb)
            .arg(format!("{}/tests/clients/{file}", env!("CARGO_MANIFEST_DIR")))
            // Go builds with what the machine has, and asks nobody for modules or for another Go.
            .env("GO111MODULE", "off")
            .env("GOTOOLCHAIN", "local")
            .env("GOFLAGS", "");
        command
    }
}

/// What a program prints; nothing where it fails or is not there.
pub fn said(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).stdin(Stdio::null()).output();
    let output = output.ok().filter(|output| output.status.success());
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}
