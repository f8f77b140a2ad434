//! What the store promises, whichever database it is in: one suite, run over `SQLite` (tests/it) and over `PostgreSQL`
//! (tests/live). The oracle is what a reader of `src/store/door.rs` would expect; nothing here reads its tables, but to
//! break something that a sweep is to heal.

pub mod claiming;
pub mod harness;
pub mod keeping;
pub mod letters;
pub mod merging;
pub mod opening;
pub mod people;
pub mod recording;
pub mod sweeping;

/// A test for each promise, over the database that `$begin` makes ready (a `harness::Place`).
#[macro_export]
macro_rules! store_promises {
    ($begin:path) => {
        $crate::store_promises! { $begin;
            recording: the_same_event_again_changes_nothing
            recording: the_earliest_receipt_is_kept
            recording: another_content_under_one_id_is_kept_beside_it
            recording: a_batch_moves_a_person_by_one
            recording: an_event_makes_accounts_pending_where_its_source_feeds
            recording: an_operators_event_counts_for_the_alias_it_means
            recording: many_recorders_of_one_new_person_agree
            recording: joining_and_recording_at_once_loses_nothing
            recording: a_caller_that_goes_away_breaks_nothing
            recording: a_message_that_cannot_be_read_is_parked_once
            claiming: sixteen_claimers_never_share_an_account
            claiming: leavers_are_claimed_first
            claiming: a_class_or_a_person_can_be_asked_for
            claiming: nothing_is_claimed_without_a_mapping_or_while_paused
            claiming: a_lease_that_ran_out_is_taken_over_and_its_holder_writes_nothing
            claiming: an_extended_lease_is_not_taken_over
            claiming: an_intent_outlives_its_holder
            claiming: a_released_account_stays_pending
            claiming: time_never_goes_back_for_an_account
            keeping: a_reconciled_account_rests_until_it_is_due
            keeping: a_failed_attempt_waits_and_a_new_fact_ends_the_wait
            keeping: what_comes_during_a_reconcile_leaves_the_account_pending
            keeping: an_ending_during_a_reconcile_is_seen_and_goes_first
            keeping: a_crash_before_the_reconcile_leaves_it_pending
            keeping: everything_of_a_commit_is_read_back
            keeping: a_user_is_bound_once_on_a_connection
            keeping: what_is_written_at_once_is_each_its_own
            sweeping: a_new_connection_is_filled
            sweeping: a_mark_that_was_lost_is_made_again
            sweeping: a_mapping_that_the_row_was_not_told_of_is_found
            sweeping: a_due_time_is_found_and_a_backoff_is_left_alone
            sweeping: what_was_observed_is_pending_once_it_is_applied
            sweeping: nothing_is_swept_where_all_is_well
            sweeping: the_next_time_leaves_out_what_cannot_be_claimed
            letters: the_same_trouble_is_one_open_letter
            letters: success_closes_the_accounts_letters
            letters: an_unreadable_hook_is_kept_whole_and_closed_when_read
            letters: a_replay_makes_accounts_pending_now
            letters: letters_are_found_by_what_they_are_about
            people: named_together_is_known_together
            merging: converted_workers_are_one_person
            merging: a_binding_moves_to_the_person_that_is_left
            merging: parted_again_a_binding_goes_home
            people: people_are_found_by_key_alias_and_worker
            opening: another_instances_store_is_refused
            opening: a_newer_binarys_store_is_refused
            opening: the_schema_can_be_asked_about
            opening: what_is_stored_is_there_after_reopening
            opening: the_first_mapping_is_published_and_another_is_staged
            opening: applying_a_mapping_makes_its_accounts_pending
            opening: a_connection_is_paused_and_resumed_once
        }
    };
    ($begin:path; $($room:ident: $promise:ident)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                let place = $begin().await;
                $crate::store_conformance::$room::$promise(&place).await;
            }
        )+
    };
}
