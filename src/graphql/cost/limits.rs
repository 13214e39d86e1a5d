//! The limits of one request.

/// The limits in force.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Whether the schema may be asked for.
    pub introspection: bool,
    /// How deep fields may nest. Introspection is bounded by its own rule instead, so that tools' standard query passes.
    pub depth: usize,
    /// How many fields and fragments a document may come to with its fragments spread out.
    pub complexity: usize,
    /// How many aliases it may have.
    pub aliases: usize,
    /// How many directives it may have.
    pub directives: usize,
    /// How many mutations it may run.
    pub mutations: usize,
    /// How many of them may take a client secret: guessing secrets in batches must not slip under the login limit.
    pub logins: usize,
    /// How many root fields, merged, may ask the database.
    pub root_fields: usize,
    /// How many database statements a request may run.
    pub statements: usize,
    /// How many bytes its answer may have.
    pub answer_bytes: usize,
}
