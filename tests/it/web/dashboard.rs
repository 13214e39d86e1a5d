//! The dashboard: people follow orders, answer them and find what waits.

use sales_order_api::domain::permission::Permission;
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::Stage;
use crate::support::{Process, Remote};

/// With those who look at orders: one who may do everything with them, one who may only read, one who looks after clients.
async fn stage_with_staff(mut stage: Stage) -> Stage {
    use Permission::{ClientsManage, ClientsRead, OrdersManage, OrdersRead};
    for (name, client_id, permissions) in [
        ("dashboard", "dashboard-001", vec![OrdersRead, OrdersManage, ClientsRead]),
        ("reader", "reader-001", vec![OrdersRead]),
        ("administrator", "administrator-001", vec![ClientsRead, ClientsManage]),
        ("chief", "chief-001", vec![OrdersRead, ClientsRead, ClientsManage]),
    ] {
        let secret = Remote::register_with(&stage.database, client_id, permissions).await;
        stage.tell(name, json!({"clientId": client_id, "secret": secret.expose_secret()}));
    }
    stage
}

async fn stage() -> Stage {
    stage_with_staff(Stage::new().await).await
}

#[tokio::test]
async fn an_order_that_a_partner_sends_is_in_the_list_the_figures_and_the_inbox_without_a_reload() {
    stage().await.play("dashboard", "showsAnOrderAsItComes").await;
}

#[tokio::test]
async fn the_dashboard_works_below_the_path_of_a_proxy() {
    let stage = stage_with_staff(Stage::below("/orders").await).await;
    stage.play("dashboard", "keepsTheFilterInTheAddress").await;
}

#[tokio::test]
async fn a_viewer_misses_no_order_when_the_connection_breaks() {
    stage().await.play("dashboard", "missesNothingWhenTheConnectionBreaks").await;
}

#[tokio::test]
async fn a_filter_survives_a_reload_and_the_way_back_leads_through_it() {
    stage().await.play("dashboard", "keepsTheFilterInTheAddress").await;
}

#[tokio::test]
async fn a_saved_view_is_there_for_a_colleague_and_who_saves_over_anothers_change_is_told() {
    stage().await.play("dashboard-views", "sharesAView").await;
}

#[tokio::test]
async fn the_list_begins_with_the_default_view_unless_the_address_asks_for_something() {
    stage().await.play("dashboard-views", "beginsWithTheDefault").await;
}

#[tokio::test]
async fn health_shows_each_instance_and_in_what_one_is_configured_unlike_another() {
    let mut stage = stage().await;
    let other = Process::serve(stage.database.folder.path(), &stage.database.url, |command| {
        command.env("SALES_ORDER_ORDERS__DEFAULT_CURRENCY", "EUR");
    });
    let port = other.base.rsplit(':').next().unwrap().to_owned();
    stage.tell("otherPort", port);
    stage.play("dashboard-health", "showsEachInstance").await;
}

#[tokio::test]
async fn bars_are_compared_with_the_same_time_before_also_where_clocks_changed_in_between() {
    stage().await.play("pairing", "pairsByTheCalendar").await;
}

#[tokio::test]
async fn an_export_holds_the_orders_of_the_list_in_its_sequence() {
    stage().await.play("dashboard", "exportsWhatTheListShows").await;
}

#[tokio::test]
async fn who_decides_by_an_older_version_sees_what_changed_and_changes_nothing() {
    stage().await.play("dashboard", "showsAConflictAsADifference").await;
}

#[tokio::test]
async fn an_operator_leads_an_order_from_its_lines_to_its_arrival_and_answers_the_partner() {
    stage().await.play("dashboard", "leadsAnOrderThroughItsLife").await;
}

#[tokio::test]
async fn whatever_a_partner_writes_is_text_in_the_dashboard() {
    stage().await.play("dashboard", "takesHostileTextsForTexts").await;
}

#[tokio::test]
async fn the_token_of_a_viewer_is_of_its_tab_alone_and_the_secret_is_kept_nowhere() {
    stage().await.play("dashboard", "keepsATokenForTheTabAlone").await;
}

#[tokio::test]
async fn everybody_can_read_every_screen_by_day_and_night_on_a_screen_a_phone_and_at_four_times_the_size() {
    stage().await.play("dashboard-everyone", "canReadEveryScreen").await;
}

#[tokio::test]
async fn everybody_can_find_an_order_and_act_on_it_without_a_mouse() {
    stage().await.play("dashboard-everyone", "canDoWithoutAMouse").await;
}

#[tokio::test]
async fn who_may_only_read_sees_nothing_to_press_and_is_told_what_a_screen_needs() {
    stage().await.play("dashboard-everyone", "explainsWhatIsNotAllowed").await;
}

#[tokio::test]
async fn a_tab_holds_ten_thousand_rows_and_talks_over_no_screen_reader_however_many_orders_come() {
    stage().await.play("dashboard-flood", "holdsNoMoreThanItShould").await;
}

#[tokio::test]
async fn who_looks_after_clients_finds_their_keys_and_what_was_changed() {
    stage().await.play("dashboard-clients", "showsPartnersAndWhatWasChanged").await;
}

#[tokio::test]
async fn who_looks_after_webhooks_tests_an_endpoint_and_reads_why_it_failed() {
    stage().await.play("dashboard-clients", "testsAnEndpoint").await;
}

#[tokio::test]
async fn a_busy_service_is_told_of_and_asked_again() {
    stage().await.play("dashboard-everyone", "waitsForABusyService").await;
}

#[tokio::test]
async fn a_viewer_without_a_network_is_told_and_goes_on_when_it_is_back() {
    stage().await.play("dashboard-everyone", "goesOnWhenTheNetworkIsBack").await;
}

#[tokio::test]
async fn a_viewer_switches_keys_of_one_letter_off() {
    stage().await.play("dashboard-everyone", "canSwitchTheKeysOff").await;
}

#[tokio::test]
async fn a_refused_order_is_in_the_log_of_requests_at_once_and_its_id_leads_to_what_was_wrong() {
    stage().await.play("dashboard-requests", "findsWhyAnOrderWasRefused").await;
}

#[tokio::test]
async fn an_operator_sees_what_fails_most_and_filters_by_it() {
    stage().await.play("dashboard-requests", "filtersByACause").await;
}

#[tokio::test]
async fn who_reads_the_log_of_requests_keeps_the_place_and_misses_nothing_when_the_connection_breaks() {
    stage().await.play("dashboard-requests", "keepsThePlaceAndMissesNothing").await;
}

#[tokio::test]
async fn who_may_follow_the_log_of_requests_in_no_further_tab_sees_what_comes_a_little_later() {
    stage().await.play("dashboard-requests", "looksWhereItMayNotFollow").await;
}

#[tokio::test]
async fn a_tab_holds_so_many_requests_and_asks_at_a_steady_pace_however_many_come() {
    stage().await.play("dashboard-requests", "holdsNoMoreThanItShould").await;
}

#[tokio::test]
async fn a_partner_reads_its_own_requests_and_a_reader_of_orders_has_no_such_screen() {
    stage().await.play("dashboard-requests", "isForWhoMayReadIt").await;
}

#[tokio::test]
async fn a_service_that_keeps_no_log_of_requests_says_so() {
    let stage = Stage::with("", |command| {
        command.env("SALES_ORDER_REQUEST_LOG__RETENTION", "0s");
    });
    stage_with_staff(stage.await).await.play("dashboard-requests", "saysThatNoneIsKept").await;
}

/// Tokens end within seconds.
async fn stage_of_short_tokens() -> Stage {
    let stage = Stage::with("", |command| {
        command.env("SALES_ORDER_AUTH__TOKEN_LIFETIME", "3s");
        // The end of a session is seen at once, by its old tokens and by its next one.
        command.env("SALES_ORDER_AUTH__CLIENT_CACHE_TTL", "0s");
    });
    stage_with_staff(stage.await).await
}

#[tokio::test]
async fn a_viewer_stays_signed_in_as_long_as_the_session_may_last() {
    stage_of_short_tokens().await.play("dashboard-everyone", "staysSignedInAsLongAsItMay").await;
}

#[tokio::test]
async fn who_signs_out_while_the_token_is_renewed_stays_signed_out() {
    stage_of_short_tokens().await.play("dashboard-everyone", "staysSignedOut").await;
}

#[tokio::test]
async fn a_viewer_whose_clock_is_ahead_renews_the_token_no_oftener() {
    stage().await.play("dashboard-everyone", "renewsNoOftenerByAWrongClock").await;
}

#[tokio::test]
async fn a_refused_subscription_is_asked_for_less_and_less_often() {
    stage().await.play("dashboard", "backsOffFromARefusedSubscription").await;
}

#[tokio::test]
async fn an_order_that_comes_before_the_subscription_begins_is_in_the_list() {
    stage().await.play("dashboard", "missesNothingBeforeTheSubscriptionBegins").await;
}

#[tokio::test]
async fn a_busy_service_is_asked_about_changed_orders_as_late_as_it_says() {
    stage().await.play("dashboard", "asksABusyServiceNoOftener").await;
}

#[tokio::test]
async fn an_order_that_changes_under_an_open_dialog_takes_nothing_of_what_was_typed() {
    stage().await.play("dashboard", "keepsWhatWasTypedWhenTheOrderChanges").await;
}

#[tokio::test]
async fn staff_has_webhooks_sent_again_and_sees_that_they_are_under_way() {
    stage().await.play("dashboard-clients", "replaysWebhooks").await;
}

#[tokio::test]
async fn who_loses_the_answer_to_a_change_is_told_that_it_may_have_been_done() {
    stage().await.play("dashboard", "tellsOfALostAnswer").await;
}
