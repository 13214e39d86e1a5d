//! The columns of a CSV file: what the prepared document selects of an order, then of its line. What a line holds in an object has
//! columns of its own.

use std::sync::LazyLock;

use serde_json::Value;

use crate::graphql::{Content, Member};
use crate::rest::operations::EXPORT_SALES_ORDERS;

/// A column.
pub struct Column {
    /// Its heading.
    pub name: String,
    /// What it shows.
    pub member: Member,
    /// The member of the line that holds it, if it is in an object.
    within: Option<String>,
}

/// All columns.
pub struct Columns {
    /// Those that show the order.
    pub of_order: Vec<Column>,
    /// Those that show its line.
    pub of_line: Vec<Column>,
    /// The member of the order that holds the lines.
    lines: String,
}

pub static COLUMNS: LazyLock<Columns> = LazyLock::new(|| {
    let page = members(EXPORT_SALES_ORDERS.answer());
    let named =
        |within: Vec<Member>, name| within.into_iter().find(|it| it.name == name).map(members).unwrap_or_default();
    let orders = named(named(page, "orders"), "order");
    let (lists, own): (Vec<_>, Vec<_>) = orders.into_iter().partition(|member| member.is_list);
    let of_order: Vec<_> =
        own.into_iter().map(|member| Column { name: member.name.clone(), member, within: None }).collect();
    let Some(lines) = lists.into_iter().next() else {
        return Columns { of_order, of_line: Vec::new(), lines: String::new() };
    };
    let name = lines.name.clone();
    // A heading names one column: the note of a line beside that of its order is the `line_note`.
    let column = |member: Member, within: Option<String>| {
        let is_taken = of_order.iter().any(|column| column.name == member.name);
        Column { name: if is_taken { format!("line_{}", member.name) } else { member.name.clone() }, member, within }
    };
    let columns = |member: Member| -> Vec<_> {
        let name = member.name.clone();
        match members(member.clone()) {
            inner if inner.is_empty() => vec![column(member, None)],
            inner => inner.into_iter().map(|member| column(member, Some(name.clone()))).collect(),
        }
    };
    let of_line = members(lines).into_iter().flat_map(columns).collect();
    Columns { of_order, of_line, lines: name }
});

impl Columns {
    /// Every column, in the order of the file.
    pub fn all(&self) -> impl Iterator<Item = &Column> {
        self.of_order.iter().chain(&self.of_line)
    }

    /// The lines of an order, each of which is shown by a row.
    pub fn lines<'v>(&self, order: &'v Value) -> &'v [Value] {
        order[&self.lines].as_array().map_or(&[], Vec::as_slice)
    }
}

impl Column {
    /// Its value of an order or of a line.
    pub fn of<'v>(&self, object: &'v Value) -> &'v Value {
        let holder = self.within.as_ref().map_or(object, |within| &object[within]);
        &holder[&self.member.name]
    }

    /// Whether it shows what the lines of an order come to.
    pub fn is_total(&self) -> bool {
        self.name.starts_with("total_")
    }
}

fn members(member: Member) -> Vec<Member> {
    match member.shape.holds {
        Content::Members(members) => members,
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_that_partners_know_stay_and_keep_their_sequence() {
        let mut names = COLUMNS.all().map(|column| column.name.as_str());
        let known = "order_number,status,version,client_id,customer_code,site_code,sales_name,address,note,currency,\
                     total_quantity,total_amount,created_at,updated_at,\
                     line_no,product_code,product_name,quantity,unit,unit_price,line_note";
        for known in known.split(',') {
            assert!(names.any(|name| name == known), "{known}");
        }
    }
}
