//! Rust sources as the compiler sees them: a comment or a text that speaks of a module does not use it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// One source file.
pub struct Source {
    /// From the repository's root, such as `src/domain/order.rs`.
    pub path: String,
    pub text: String,
    tokens: Vec<TokenTree>,
}

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below these folders whose name ends like this, by path.
pub fn files(folders: &[&str], ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting: Vec<_> =
        folders.iter().map(|folder| root().join(folder)).filter(|folder| folder.is_dir()).collect();
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() && name != "node_modules" {
                waiting.push(path);
            } else if name.ends_with(ending) {
                found.push(path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

impl Source {
    pub fn parse(path: &str, text: &str) -> Self {
        let tokens = text.parse::<TokenStream>().unwrap_or_else(|error| panic!("{path}: {error}"));
        Self { path: path.to_owned(), text: text.to_owned(), tokens: tokens.into_iter().collect() }
    }

    /// Every Rust file below these folders.
    pub fn all(folders: &[&str]) -> Vec<Self> {
        let read = |path: &String| Self::parse(path, &fs::read_to_string(root().join(path)).unwrap());
        files(folders, ".rs").iter().map(read).collect()
    }

    /// Every path the code mentions, ours spelled from the root (`crate::store::Store`), whichever way it is written:
    /// with `super`, in braces, under another name, or inline.
    pub fn paths(&self) -> BTreeSet<String> {
        let mut found = Mentions::default();
        found.walk(&self.tokens, &self.module());
        found.0
    }

    /// Every name and keyword in the code.
    pub fn words(&self) -> BTreeSet<String> {
        words_of(&self.tokens)
    }

    /// Whether a loop asks again and again without a pause or an end of its own: `while` on something awaited, or with an
    /// empty body. What `while let` awaits comes by itself.
    pub fn polls(&self) -> bool {
        let mut found = false;
        each_level(&self.tokens, &mut |level| {
            for (at, token) in level.iter().enumerate() {
                let rest = &level[at + 1..];
                if word(token).as_deref() != Some("while") || rest.first().and_then(word).as_deref() == Some("let") {
                    continue;
                }
                let is_body = |token: &TokenTree| matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
                let Some(end) = rest.iter().position(is_body) else { continue };
                let is_empty = matches!(&rest[end], TokenTree::Group(body) if body.stream().is_empty());
                found |= is_empty || words_of(&rest[..end]).contains("await");
            }
        });
        found
    }

    /// Every `async fn` that has a body, with the number of lines between its braces.
    pub fn async_functions(&self) -> Vec<(String, usize)> {
        let mut found = Vec::new();
        each_level(&self.tokens, &mut |level| {
            for (at, three) in level.windows(3).enumerate() {
                let [first, second, Some(name)] = [word(&three[0]), word(&three[1]), word(&three[2])] else { continue };
                if (first.as_deref(), second.as_deref()) != (Some("async"), Some("fn")) {
                    continue;
                }
                let end = level[at..].iter().find_map(|token| match token {
                    TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(Some(group)),
                    TokenTree::Punct(punct) if punct.as_char() == ';' => Some(None),
                    _ => None,
                });
                if let Some(Some(body)) = end {
                    let lines = body.span_close().start().line - body.span_open().start().line;
                    found.push((name, lines.saturating_sub(1)));
                }
            }
        });
        found
    }

    /// Whether an attribute silences a lint with `allow`, which nobody notices once it is needed no more.
    pub fn allows_lints(&self) -> bool {
        let mut found = false;
        each_level(&self.tokens, &mut |level| {
            for (at, token) in level.iter().enumerate() {
                let TokenTree::Group(group) = token else { continue };
                let is_attribute =
                    at > 0 && matches!(&level[at - 1], TokenTree::Punct(p) if "#!".contains(p.as_char()));
                if is_attribute && group.delimiter() == Delimiter::Bracket {
                    let attribute = Self::parse(&self.path, &group.stream().to_string());
                    found |= attribute.words().contains("allow");
                }
            }
        });
        found
    }

    fn module(&self) -> Vec<String> {
        let path = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        let names = path.split('/').filter(|name| !["mod", "lib", "main"].contains(name));
        names.map(str::to_owned).collect()
    }
}

/// After these a path begins; they are no part of one.
const KEYWORDS: [&str; 16] = [
    "as", "dyn", "else", "for", "if", "impl", "in", "let", "match", "move", "mut", "return", "unsafe", "use", "where",
    "while",
];

/// The paths found so far.
#[derive(Default)]
struct Mentions(BTreeSet<String>);

impl Mentions {
    fn walk(&mut self, tokens: &[TokenTree], module: &[String]) {
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            match (token, word(token)) {
                (TokenTree::Group(group), _) => {
                    self.walk(&inner(group), module);
                    at += 1;
                }
                (_, Some(keyword)) if keyword == "mod" => match (tokens.get(at + 1).and_then(word), tokens.get(at + 2))
                {
                    (Some(name), Some(TokenTree::Group(body))) => {
                        self.walk(&inner(body), &[module, &[name]].concat());
                        at += 3;
                    }
                    _ => at += 1,
                },
                (_, Some(keyword)) if KEYWORDS.contains(&keyword.as_str()) => at += 1,
                // What follows `Type<…>::` goes on with a path that began before.
                (_, Some(_)) if is_colons(tokens, at.wrapping_sub(2)) && continues(tokens, at) => at += 1,
                (_, Some(_)) => {
                    let is_import = at > 0 && word(&tokens[at - 1]).as_deref() == Some("use");
                    at = self.read(tokens, at, &[], module, is_import);
                }
                _ => at += 1,
            }
        }
    }

    /// Reads the path that begins here, after `prefix`, and gives the place after it.
    fn read(
        &mut self,
        tokens: &[TokenTree],
        start: usize,
        prefix: &[String],
        module: &[String],
        import: bool,
    ) -> usize {
        let mut path = prefix.to_vec();
        path.extend(word(&tokens[start]));
        let mut at = start + 1;
        while is_colons(tokens, at) {
            match tokens.get(at + 2) {
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    self.read_each(&inner(group), &path, module);
                    return at + 3;
                }
                Some(token) if word(token).is_some() => path.extend(word(token)),
                _ => break,
            }
            at += 3;
        }
        if path.len() > 1 || import || path[0] == "super" {
            self.0.insert(from_root(&path, module).join("::"));
        }
        at
    }

    fn read_each(&mut self, tokens: &[TokenTree], prefix: &[String], module: &[String]) {
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at = match word(token) {
                Some(keyword) if keyword == "as" => at + 2,
                Some(_) => self.read(tokens, at, prefix, module, true),
                None => at + 1,
            };
        }
    }
}

fn from_root(path: &[String], module: &[String]) -> Vec<String> {
    let ups = path.iter().take_while(|name| *name == "super").count();
    if ups == 0 && path[0] != "self" {
        return path.to_vec();
    }
    let rest = &path[ups.max(1)..];
    [&["crate".to_owned()], &module[..module.len().saturating_sub(ups)], rest].concat()
}

fn each_level(tokens: &[TokenTree], look: &mut impl FnMut(&[TokenTree])) {
    look(tokens);
    for token in tokens {
        if let TokenTree::Group(group) = token {
            each_level(&inner(group), look);
        }
    }
}

fn words_of(tokens: &[TokenTree]) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    each_level(tokens, &mut |level| words.extend(level.iter().filter_map(word)));
    words
}

fn inner(group: &proc_macro2::Group) -> Vec<TokenTree> {
    group.stream().into_iter().collect()
}

fn word(token: &TokenTree) -> Option<String> {
    if let TokenTree::Ident(ident) = token { Some(ident.to_string()) } else { None }
}

fn is_colons(tokens: &[TokenTree], at: usize) -> bool {
    let colon = |at: usize| match tokens.get(at) {
        Some(TokenTree::Punct(punct)) if punct.as_char() == ':' => Some(punct.spacing()),
        _ => None,
    };
    colon(at) == Some(Spacing::Joint) && colon(at.wrapping_add(1)).is_some()
}

/// Whether the `::` before this place follows something, unlike that of `::axum::Router`.
fn continues(tokens: &[TokenTree], at: usize) -> bool {
    at.checked_sub(3).is_some_and(|before| match &tokens[before] {
        TokenTree::Ident(ident) => !KEYWORDS.contains(&ident.to_string().as_str()),
        TokenTree::Punct(punct) => punct.as_char() == '>',
        _ => true,
    })
}
