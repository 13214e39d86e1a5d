//! Views of the list of orders that people keep under a name: which orders, in which sequence, with which columns.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::client::ClientId;
use super::fields::{Fields, Naming, Text};
use super::names::names;
use super::order_filter::OrderFilter;
use super::permission::Permission;
use crate::error::{FieldError, FieldErrorCode};

/// The most of one owner.
pub const MAX_VIEWS: u64 = 100;

/// The most that are shared, of all owners.
pub const MAX_SHARED: u64 = 200;

/// The most bytes of the filter, the sequence and the columns as they are stored.
pub const MAX_BYTES: usize = 4096;

/// What a name may be.
const NAME: Text = Text::line(64);

/// Longer than any name of a column.
const COLUMN: Text = Text::line(32);

names! {
    /// The sequence of a list. The names are stored.
    ListSort {
        /// By time received, the oldest first.
        CreatedAtAsc = "CREATED_AT_ASC",
        /// By time received, the newest first.
        CreatedAtDesc = "CREATED_AT_DESC",
        /// By time of the last change, the oldest first.
        UpdatedAtAsc = "UPDATED_AT_ASC",
        /// By time of the last change, the newest first.
        UpdatedAtDesc = "UPDATED_AT_DESC",
        /// By order number, the lowest first.
        OrderNumberAsc = "ORDER_NUMBER_ASC",
        /// By order number, the highest first.
        OrderNumberDesc = "ORDER_NUMBER_DESC",
    }

    /// A column of a list, beside the number of the order. The names are stored.
    ListColumn {
        /// Status.
        Status = "STATUS",
        /// Time received.
        CreatedAt = "CREATED_AT",
        /// Time of the last change.
        UpdatedAt = "UPDATED_AT",
        /// Client that sent the order.
        ClientId = "CLIENT_ID",
        /// Customer.
        CustomerCode = "CUSTOMER_CODE",
        /// Site.
        SiteCode = "SITE_CODE",
        /// Sales person.
        SalesName = "SALES_NAME",
        /// Number at the sender.
        PartnerReference = "PARTNER_REFERENCE",
        /// Day on which delivery is asked for.
        RequestedDeliveryDate = "REQUESTED_DELIVERY_DATE",
        /// Quantity of all lines.
        TotalQuantity = "TOTAL_QUANTITY",
        /// Amount of all lines.
        TotalAmount = "TOTAL_AMOUNT",
    }
}

/// A view as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedView {
    /// The client that saved it first.
    pub owner: ClientId,
    /// Its name, among those of its owner.
    pub name: String,
    /// Whether others who read every order see it.
    pub is_shared: bool,
    /// What it shows; `None` where another version of the service saved what this one does not know.
    pub content: Option<ViewContent>,
    /// Whether its owner's list begins with it.
    pub is_default: bool,
    /// The scope whose holders' lists begin with it.
    pub default_for: Option<Permission>,
    /// How often it was saved.
    pub version: i32,
    /// When it was saved first.
    pub created_at: DateTime<Utc>,
    /// When it was saved last.
    pub updated_at: DateTime<Utc>,
}

/// What a view shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewContent {
    /// The filter as it was sent, in the spelling of GraphQL; every order where there is none.
    #[serde(rename = "where", default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Value>,
    /// The sequence; the list's own where there is none.
    #[serde(rename = "orderBy", default, skip_serializing_if = "Option::is_none")]
    pub order_by: Option<ListSort>,
    /// The columns; the list's own where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<ListColumn>,
}

impl ViewContent {
    /// The text that is stored.
    #[must_use]
    pub fn stored(&self) -> String {
        // It is made of texts alone, for which there is always JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what was stored; `None` where this version of the service could not run it.
    #[must_use]
    pub fn restored(text: &str) -> Option<Self> {
        let content: Self = serde_json::from_str(text).ok()?;
        let filter = content.filter.as_ref().unwrap_or(&Value::Null);
        OrderFilter::read_argument(filter, Naming::CamelCase).is_ok().then_some(content)
    }
}

/// A view to be saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewInput {
    /// Which one.
    pub name: String,
    /// Of whom; of the caller where nobody is named.
    pub owner: Option<ClientId>,
    /// Its next name.
    pub new_name: Option<String>,
    /// Whether others see it; as before where nothing is said.
    pub is_shared: Option<bool>,
    /// The filter, for whether the caller may use it.
    pub filter: OrderFilter,
    /// What it shows.
    pub content: ViewContent,
    /// The version that the caller read; 0 where there must be none.
    pub expected_version: Option<i32>,
}

impl ViewInput {
    /// Reads the argument, with the filter as it was sent.
    pub fn read_argument(value: &Value, naming: Naming) -> Result<Self, Vec<FieldError>> {
        let mut input = Self::read(Fields::new(value, naming))?;
        let is_filtered = input.filter != OrderFilter::default();
        input.content.filter = value.get("where").filter(|_| is_filtered).cloned();
        let bytes = input.content.stored().len();
        if bytes > MAX_BYTES {
            let message = format!("makes a view of {bytes} bytes; at most {MAX_BYTES} are kept, so ask for less");
            let pointer = "/where".to_owned();
            return Err(vec![FieldError { pointer, code: FieldErrorCode::TooLong, message }]);
        }
        Ok(input)
    }

    /// Reads a view, or describes it.
    pub fn read(mut fields: Fields<'_>) -> Result<Self, Vec<FieldError>> {
        let name = fields.text("name", NAME);
        let owner = fields.optional_parsed("client_id", str::parse);
        let new_name = fields.optional_text("new_name", NAME);
        let is_shared = fields.optional_flag("is_shared");
        let filter = fields.optional_object("where", |fields| Some(OrderFilter::take(fields)));
        let order_by = fields.optional_parsed("order_by", str::parse);
        let columns = fields.optional_each("columns", COLUMN, ListColumn::ALL.len());
        let expected_version = fields.optional_integer("expected_version", &(0..=i32::MAX));
        fields.finish()?;
        let content = ViewContent { filter: None, order_by, columns: columns.unwrap_or_default() };
        let filter = filter.unwrap_or_default();
        let name = name.unwrap_or_default();
        Ok(Self { name, owner, new_name, is_shared, filter, content, expected_version })
    }
}

/// A view that is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewToDelete {
    /// Which one.
    pub name: String,
    /// Of whom; of the caller where nobody is named.
    pub owner: Option<ClientId>,
    /// The version that the caller read.
    pub expected_version: Option<i32>,
}

impl ViewToDelete {
    /// Reads which view is meant, or describes it.
    pub fn read(mut fields: Fields<'_>) -> Result<Self, Vec<FieldError>> {
        let name = fields.text("name", NAME);
        let owner = fields.optional_parsed("client_id", str::parse);
        let expected_version = fields.optional_integer("expected_version", &(1..=i32::MAX));
        fields.finish()?;
        Ok(Self { name: name.unwrap_or_default(), owner, expected_version })
    }
}

/// The view that lists begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultInput {
    /// Which one; none any more where it has no name.
    pub name: Option<String>,
    /// Of whom; of the caller where nobody is named.
    pub owner: Option<ClientId>,
    /// The scope whose holders' lists are meant; the caller's list where there is none.
    pub scope: Option<Permission>,
}

impl DefaultInput {
    /// Reads which view is meant, or describes it.
    pub fn read(mut fields: Fields<'_>) -> Result<Self, Vec<FieldError>> {
        let name = fields.optional_text("name", NAME);
        let owner = fields.optional_parsed("client_id", ClientId::from_str);
        let scope = fields.optional_parsed("scope", str::parse);
        if name.is_none() && owner.is_some() {
            fields.refuse::<()>("client_id", FieldErrorCode::Conflict, "needs name".to_owned());
        }
        fields.finish()?;
        Ok(Self { name, owner, scope })
    }
}
