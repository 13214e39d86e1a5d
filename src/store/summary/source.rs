//! Where the figures of a summary are read, and in which parts amounts are summed.

/// Where figures come from, and how.
pub struct Source {
    pub table: &'static str,
    pub rows: Rows,
    /// The SQL of [`FIGURES`].
    pub figures: [&'static str; 4],
    /// The SQL of what amounts are summed from.
    pub amount: &'static str,
}

/// What the rows of a source are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    Orders,
    Lines,
    /// Totals of everything.
    Totals,
    /// Totals of hours and days, and the orders at the ends of a span of time.
    Periods,
}

pub const ORDERS: Source = Source {
    table: "sales_orders",
    rows: Rows::Orders,
    figures: ["count(*)", "sum(line_count)", "sum(total_quantity)", "sum(unpriced_lines)"],
    amount: "priced_amount",
};
/// By product.
pub const LINES: Source = Source {
    table: "sales_orders",
    rows: Rows::Lines,
    figures: [
        "count(DISTINCT sales_orders.id)",
        "count(*)",
        "sum(quantity)",
        "sum(CASE WHEN unit_price IS NULL THEN 1 ELSE 0 END)",
    ],
    amount: "coalesce(quantity * unit_price, 0)",
};
/// What the database keeps of orders that have all but their time in common.
pub const TOTALS: Source = Source {
    table: "sales_order_totals",
    rows: Rows::Totals,
    figures: ["sum(orders)", "sum(line_count)", "sum(total_quantity)", "sum(unpriced_lines)"],
    amount: "amount_",
};
/// The same of hours and days.
pub const PERIODS: Source = Source { table: "periods", rows: Rows::Periods, ..TOTALS };

/// The names of the figures of a source, in their order.
pub const FIGURES: [&str; 4] = ["order_count", "line_sum", "quantity_sum", "unpriced_sum"];

/// A part of each amount that is summed by itself.
pub struct Part {
    pub label: &'static str,
    pub of_amount: &'static str,
    /// How many ten-thousandths one of it is.
    pub worth: i128,
}

impl Part {
    /// The name of this part's sum of a currency.
    pub fn name(&self, currency: usize) -> String {
        format!("{}_{currency}", self.label)
    }
}

pub const WHOLE: [Part; 1] = [Part { label: "sum", of_amount: "", worth: 1 }];

/// For sums beyond the 64 bits in which SQLite adds up: each half's sum stays within them.
pub const SPLIT: [Part; 2] = [
    Part { label: "high", of_amount: " / 1000000", worth: 1_000_000 },
    Part { label: "low", of_amount: " % 1000000", worth: 1 },
];

/// As the totals keep them.
pub const KEPT: [Part; 2] =
    [Part { label: "high", of_amount: "high", worth: 1_000_000 }, Part { label: "low", of_amount: "low", worth: 1 }];
