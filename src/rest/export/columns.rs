//! The columns of a CSV file: what the prepared document selects of an order, then of its line.

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
    let orders = page.into_iter().find(|member| member.name == "orders").map(members).unwrap_or_default();
    let (lists, own): (Vec<_>, Vec<_>) = orders.into_iter().partition(|member| member.is_list);
    let of_order: Vec<_> = own.into_iter().map(|member| Column { name: member.name.clone(), member }).collect();
    let Some(lines) = lists.into_iter().next() else {
        return Columns { of_order, of_line: Vec::new(), lines: String::new() };
    };
    let name = lines.name.clone();
    // A heading names one column: the note of a line beside that of its order is the `line_note`.
    let column = |member: Member| {
        let is_taken = of_order.iter().any(|column| column.name == member.name);
        Column { name: if is_taken { format!("line_{}", member.name) } else { member.name.clone() }, member }
    };
    let of_line = members(lines).into_iter().map(column).collect();
    Columns { of_order, of_line, lines: name }
});

impl Columns {
    /// Every column, in the order of the file.
    pub fn all(&self) -> impl Iterator<Item = &Column> {
        self.of_order.iter().chain(&self.of_line)
    }

    /// The values of each row that shows this order.
    pub fn rows<'v>(&'v self, order: &'v Value) -> impl Iterator<Item = impl Iterator<Item = &'v Value>> {
        let values =
            |columns: &'v [Column], object: &'v Value| columns.iter().map(|column| &object[&column.member.name]);
        let lines = order[&self.lines].as_array().into_iter().flatten();
        lines.map(move |line| values(&self.of_order, order).chain(values(&self.of_line, line)))
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
