//! How a type is written to and read from the columns of a table, out of one list of its fields.

use sea_orm::sea_query::Expr;
use sea_orm::{ConnectionTrait, EntityTrait, QueryResult, QuerySelect as _, QueryTrait as _, Select, TryGetable};
use serde::Serialize;
use serde::ser::SerializeMap;

use chrono::{DateTime, NaiveDate, Utc};

use crate::domain::client::ClientId;
use crate::domain::line_answer::AnswerReason;
use crate::domain::money::Money;
use crate::domain::order::{OrderNumber, OrderStatus};
use crate::store::clients::parse_client_id;
use crate::store::connect::{instant, micros};
use crate::store::error::{StoreError, StoreResult};

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its name, which is that of the field.
    pub name: &'static str,
    /// What PostgreSQL calls its type.
    pub kind: &'static str,
}

impl Column {
    /// The column of the field that `field` gives.
    pub const fn of<R, V: ColumnValue>(name: &'static str, field: fn(&R) -> &V) -> Self {
        let _ = field;
        Self { name, kind: V::KIND }
    }
}

/// What a column holds.
pub trait ColumnValue: Sized {
    /// What PostgreSQL calls the column's type.
    const KIND: &'static str;
    /// The value as the driver reads it.
    type Raw: TryGetable;

    /// The value in a JSON text, by which rows are sent to the database. `bytea` is written in hex.
    fn to_json(&self) -> impl Serialize;

    fn from_raw(raw: Self::Raw) -> StoreResult<Self>;
}

/// A type whose fields are written to columns.
pub trait Row {
    /// Its columns besides the order's id.
    const COLUMNS: &'static [Column];

    /// Writes a member for each column.
    fn write<M: SerializeMap>(&self, members: &mut M) -> Result<(), M::Error>;
}

/// A type that is read from the columns it is written to.
pub trait Record: Row + Sized {
    type Entity: EntityTrait;
    /// The column that holds the order's id.
    const ORDER_ID: <Self::Entity as EntityTrait>::Column;

    /// Reads what [`find`] selects.
    fn read(row: &mut RowReader<'_>) -> StoreResult<Self>;
}

/// Implements [`Row`] by the list of all fields. One that is not listed does not compile, but for one in brackets, which is in other
/// columns.
macro_rules! row {
    ($row:ident $(($number:ident))? $([$beside:ident])? {
        $($field:ident),+ $(,)? $(; $part:ident: $of:ident { $($inner:ident),+ $(,)? })?
    }) => {
        impl Row for $row {
            const COLUMNS: &'static [Column] = &[
                $(Column::of(stringify!($field), |row: &$row| &row.$field),)+
                $($(Column::of(stringify!($inner), |row: &$row| &row.$part.$inner),)+)?
            ];

            fn write<M: SerializeMap>(&self, members: &mut M) -> Result<(), M::Error> {
                let Self { $($number: _,)? $($beside: _,)? $($field,)+ $($part: $of { $($inner),+ })? } = self;
                $(members.serialize_entry(stringify!($field), &$field.to_json())?;)+
                $($(members.serialize_entry(stringify!($inner), &$inner.to_json())?;)+)?
                Ok(())
            }
        }
    };
}

/// Implements [`Row`] and [`Record`] by the same list, `(number)` being the field that holds the order's number and `[other]` one that
/// is left empty:
///
/// ```text
/// record! { Type (number) [other] of entity::OrderIdColumn { field, field; part: PartType { field, field } } }
/// ```
macro_rules! record {
    ($record:ident $(($number:ident))? $([$beside:ident])? of $entity:ident::$order_id:ident {
        $($field:ident),+ $(,)? $(; $part:ident: $of:ident { $($inner:ident),+ $(,)? })?
    }) => {
        row! { $record $(($number))? $([$beside])? { $($field),+ $(; $part: $of { $($inner),+ })? } }

        impl Record for $record {
            type Entity = $entity::Entity;
            const ORDER_ID: $entity::Column = $entity::Column::$order_id;

            fn read(row: &mut RowReader<'_>) -> StoreResult<Self> {
                // Fields are evaluated in the order in which they stand here, which is that of the columns.
                Ok(Self {
                    $($number: row.number,)?
                    $($beside: None,)?
                    $($field: row.value()?,)+
                    $($part: $of { $($inner: row.value()?),+ },)?
                })
            }
        }
    };
}

pub(super) use {record, row};

/// Reads a row's columns from left to right: to find each by its name costs as much as to read it.
pub struct RowReader<'r> {
    row: &'r QueryResult,
    index: usize,
    /// Which order the row belongs to.
    pub number: OrderNumber,
}

impl<'r> RowReader<'r> {
    /// Reads the order's id, the first column.
    pub fn new(row: &'r QueryResult) -> StoreResult<Self> {
        Ok(Self { row, index: 1, number: OrderNumber::from_id(row.try_get_by_index(0)?) })
    }

    /// Reads the next column.
    pub fn value<V: ColumnValue>(&mut self) -> StoreResult<V> {
        let raw = self.row.try_get_by_index(self.index)?;
        self.index += 1;
        V::from_raw(raw)
    }
}

/// A query for records, to be narrowed, sorted and given to [`all`].
pub fn find<R: Record>() -> Select<R::Entity> {
    let columns = R::COLUMNS.iter().map(|column| Expr::col((R::Entity::default(), column.name)));
    R::Entity::find().select_only().column(R::ORDER_ID).exprs(columns)
}

/// What the query finds, each record with the number of its order.
pub async fn all<R: Record>(
    query: Select<R::Entity>,
    connection: &impl ConnectionTrait,
) -> StoreResult<Vec<(OrderNumber, R)>> {
    let rows = connection.query_all(&query.into_query()).await?;
    let read = |row: &QueryResult| {
        let mut row = RowReader::new(row)?;
        Ok((row.number, R::read(&mut row)?))
    };
    rows.iter().map(read).collect()
}

macro_rules! column_values {
    ($($value:ty: $kind:literal, $it:ident => $json:expr, $raw:ident: $from:ty => $read:expr;)+) => {$(
        impl ColumnValue for $value {
            const KIND: &'static str = $kind;
            type Raw = $from;

            fn to_json(&self) -> impl Serialize {
                let $it = self;
                $json
            }

            fn from_raw($raw: $from) -> StoreResult<Self> {
                $read
            }
        }
    )+};
}

column_values! {
    String: "text", it => it, raw: Self => Ok(raw);
    bool: "boolean", it => it, raw: Self => Ok(raw);
    i32: "integer", it => it, raw: Self => Ok(raw);
    i64: "bigint", it => it, raw: Self => Ok(raw);
    Vec<u8>: "bytea", it => hex::encode(it), raw: Self => Ok(raw);
    Money: "bigint", it => it.ten_thousandths(), raw: i64 => Ok(Self::from_ten_thousandths(raw));
    DateTime<Utc>: "bigint", it => micros(*it), raw: i64 => instant(raw);
    // As ISO 8601 writes it, so that it sorts by time on both databases.
    NaiveDate: "text", it => it.to_string(),
        raw: String => raw.parse().map_err(|_| StoreError::Unreadable { what: "date", value: raw });
    ClientId: "text", it => it.as_str(), raw: String => parse_client_id(&raw);
    OrderStatus: "text", it => it.as_str(),
        raw: String => raw.parse().map_err(|_| StoreError::Unreadable { what: "status", value: raw });
    AnswerReason: "text", it => it.as_str(),
        raw: String => raw.parse().map_err(|_| StoreError::Unreadable { what: "reason", value: raw });
}

impl<V: ColumnValue> ColumnValue for Option<V> {
    const KIND: &'static str = V::KIND;
    type Raw = Option<V::Raw>;

    fn to_json(&self) -> impl Serialize {
        self.as_ref().map(V::to_json)
    }

    fn from_raw(raw: Self::Raw) -> StoreResult<Self> {
        raw.map(V::from_raw).transpose()
    }
}
