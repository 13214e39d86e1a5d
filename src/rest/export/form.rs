//! How the orders of an export are written, and from where on: the parameters that are no filter.

use chrono_tz::Tz;

use super::Format;
use crate::domain::fields::listed;
use crate::domain::zone::{NO_ZONE, Zone};
use crate::error::{FieldError, FieldErrorCode};

/// A parameter that says how, or from where on.
pub struct FormParameter {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub description: &'static str,
    /// Its values, if they are few.
    pub values: &'static [&'static str],
    /// Its value when nothing is said.
    pub default: Option<&'static str>,
}

/// Whom the file is for.
pub const FOR: &str = "for";
/// What stands between the cells.
pub const SEPARATOR: &str = "separator";
/// Where times are read.
pub const TIME_ZONE: &str = "time_zone";
/// Whether each order has its cursor.
pub const CURSORS: &str = "cursors";
/// The cursor of the last order that is known already.
pub const AFTER: &str = "after";

/// Whether the file says that it is whole.
pub const TRAILER: &str = "trailer";

/// Where times are read when nothing is said.
const DEFAULT_ZONE: Zone = Zone::Named(Tz::Asia__Jakarta);

/// All of them.
pub const FORM: [FormParameter; 6] = [
    FormParameter {
        name: FOR,
        description: "Who reads the file. `program`: every text is exact, to the letter, as in JSON Lines; never open that CSV in a \
                      spreadsheet, which would run a text of a stranger as a formula. `spreadsheet` (CSV only): opens right in Excel \
                      and LibreOffice: UTF-8 with a byte order mark, texts stay texts (`00123`, `1E5`, `+62`), times are local and \
                      readable. Without it the CSV is plain RFC 4180 in which an apostrophe guards against formulas.",
        values: &["spreadsheet", "program"],
        default: None,
    },
    FormParameter {
        name: SEPARATOR,
        description: "With `for=spreadsheet` only: what stands between the cells, `;` when absent. `;` is for spreadsheets whose \
                      decimal mark is a comma, as in Indonesia and most of Europe: amounts are then written with a comma. `,` is \
                      for those with a point.",
        values: &[";", ","],
        // None: clients that send defaults of their own accord would send it without `for`.
        default: None,
    },
    FormParameter {
        name: TIME_ZONE,
        description: "With `for=spreadsheet` only: the time zone of its times, by its name in the IANA database or as an \
                      offset such as `+07:00`; `Asia/Jakarta` when absent. The column `time_zone` tells it.",
        values: &[],
        default: None,
    },
    FormParameter {
        name: CURSORS,
        description: "With `true`, the last member of each order in JSON Lines, and the last column of a CSV, is its `cursor`: what \
                      `after` takes.",
        values: &["true", "false"],
        default: Some("false"),
    },
    FormParameter {
        name: AFTER,
        description: "Only orders behind this one: a `cursor` of an export with the same `order_by`. So an export that broke off goes \
                      on behind the last order that arrived whole.",
        values: &[],
        default: None,
    },
    FormParameter {
        name: TRAILER,
        description: "With `true`, the file ends with a line that counts what is above it, so that a file that has it is whole. Of \
                      JSON Lines it is `{\"trailer\":{\"orders\":24}}`; of a CSV a row of the cells `TRAILER`, the number of orders, \
                      the number of rows between the headings and it, and empty ones.",
        values: &["true", "false"],
        default: Some("false"),
    },
];

/// How the orders are written.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    /// CSV or JSON Lines.
    pub format: Format,
    /// What becomes of values that not every reader takes as they are.
    pub cells: Cells,
    /// Whether each order has its cursor.
    pub cursors: bool,
    /// Whether the file says that it is whole.
    pub trailer: bool,
}

/// How values stand in the cells of a CSV file.
#[derive(Debug, Clone, Copy)]
pub enum Cells {
    /// As they are, with an apostrophe in front of what would be a formula.
    Guarded,
    /// As they are.
    Exact,
    /// As people read them in their spreadsheet.
    Readable {
        /// Between the cells.
        separator: char,
        /// Of times.
        zone: Zone,
    },
}

impl Form {
    /// Between the cells.
    pub const fn separator(&self) -> char {
        match self.cells {
            Cells::Readable { separator, .. } => separator,
            Cells::Guarded | Cells::Exact => ',',
        }
    }
}

/// What the parameters of [`FORM`] ask for, and the cursor to go on behind.
pub fn read(format: Format, pairs: &[(&str, &str)]) -> Result<(Form, Option<String>), Vec<FieldError>> {
    let mut faults = Vec::new();
    let mut fault = |name: &str, code, message: String| {
        faults.push(FieldError { pointer: format!("/{name}"), code, message });
    };
    let mut given = [None; FORM.len()];
    for (place, FormParameter { name, values, .. }) in given.iter_mut().zip(&FORM) {
        let all: Vec<_> =
            pairs.iter().filter(|(given, _)| given == name).map(|(_, value)| named(name, value)).collect();
        match all[..] {
            [] => {}
            [value] if values.is_empty() || values.contains(&value) => *place = Some(value),
            [_] => fault(name, FieldErrorCode::Unknown, format!("must be {}", values.join(" or "))),
            _ => fault(name, FieldErrorCode::Conflict, "must be given once".to_owned()),
        }
    }
    let [audience, separator, zone, cursors, after, trailer] = given;
    let is_readable = audience == Some("spreadsheet");
    if is_readable && format == Format::Jsonl {
        let message = "must be program, or left out: spreadsheets read sales-orders.csv, not JSON Lines";
        fault(FOR, FieldErrorCode::Conflict, message.to_owned());
    }
    for (name, value) in [(SEPARATOR, separator), (TIME_ZONE, zone)] {
        if value.is_some() && !is_readable {
            fault(
                name,
                FieldErrorCode::Conflict,
                "goes with for=spreadsheet only; add that, or leave this out".to_owned(),
            );
        }
    }
    let zone = zone.map_or(Some(DEFAULT_ZONE), Zone::parse);
    if zone.is_none() {
        fault(TIME_ZONE, FieldErrorCode::Format, NO_ZONE.to_owned());
    }
    let cells = match (audience, zone) {
        (Some("spreadsheet"), Some(zone)) => {
            Cells::Readable { separator: separator.and_then(|text| text.chars().next()).unwrap_or(';'), zone }
        }
        (Some(_), _) => Cells::Exact,
        (None, _) => Cells::Guarded,
    };
    if faults.is_empty() {
        let [cursors, trailer] = [cursors, trailer].map(|value| value == Some("true"));
        Ok((Form { format, cells, cursors, trailer }, after.map(str::to_owned)))
    } else {
        Err(listed(faults, String::new()))
    }
}

/// The separators have names too, for whoever types them at a shell.
fn named<'v>(name: &str, value: &'v str) -> &'v str {
    match (name, value) {
        (SEPARATOR, "semicolon") => ";",
        (SEPARATOR, "comma") => ",",
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_go_together_is_named() {
        let faults = |format, pairs: &[(&str, &str)]| {
            let faults = read(format, pairs).unwrap_err();
            faults
                .into_iter()
                .map(|fault| format!("{} {}", fault.pointer, fault.message))
                .collect::<Vec<_>>()
                .join("; ")
        };
        for (pairs, expected) in [
            (&[("for", "excel")][..], "/for must be spreadsheet or program"),
            (&[("for", "")], "/for must be spreadsheet or program"),
            (&[("separator", ";")], "/separator goes with for=spreadsheet only"),
            (&[("for", "program"), ("time_zone", "UTC")], "/time_zone goes with for=spreadsheet only"),
            (&[("for", "spreadsheet"), ("time_zone", "Mars")], "/time_zone is no time zone"),
            (&[("for", "spreadsheet"), ("separator", "|")], "/separator must be ; or ,"),
            (
                &[("cursors", "yes"), ("after", "a"), ("after", "b")],
                "/cursors must be true or false; /after must be given once",
            ),
        ] {
            let found = faults(Format::Csv, pairs);
            assert!(found.starts_with(expected), "{pairs:?}: {found}");
        }
        assert!(faults(Format::Jsonl, &[("for", "spreadsheet")]).starts_with("/for must be program"));
    }

    #[test]
    fn what_is_not_said_has_the_default_that_is_published() {
        let (form, after) = read(Format::Csv, &[("for", "spreadsheet")]).unwrap();
        assert!(matches!(form.cells, Cells::Readable { separator: ';', zone: DEFAULT_ZONE }), "{form:?}");
        assert_eq!((form.cursors, after), (false, None));
        let said =
            [("for", "spreadsheet"), ("separator", "semicolon"), ("time_zone", "Asia/Jakarta"), ("cursors", "false")];
        assert_eq!(format!("{:?}", read(Format::Csv, &said).unwrap().0), format!("{form:?}"));
        for FormParameter { name, default, .. } in &FORM {
            let Some(default) = default else { continue };
            assert!(
                read(Format::Csv, &[(name, default)]).is_ok(),
                "{name}: a client may send a default of its own accord"
            );
        }
    }
}
