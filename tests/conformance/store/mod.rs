//! The conformance tests of a store. They run on SQLite (tests/it) and on PostgreSQL (tests/live).
//!
//! A test calls the public methods of `Store`. It reads or writes a table directly only to damage a
//! row that a sweep is to repair, and to read the schema.

pub mod claims;
pub mod commits;
pub mod concurrent_commits;
pub mod connections;
pub mod dead_letters;
pub mod harness;
pub mod hooks;
pub mod identity;
pub mod leavers;
pub mod opening;
pub mod people;
pub mod strings;
pub mod sweep;

/// Declares a test for each function below, on the database that `$begin` creates.
#[macro_export]
macro_rules! store_conformance_tests {
    ($begin:path) => {
        $crate::store_conformance_tests! { $begin;
            hooks: a_repeated_event_changes_nothing
            hooks: the_store_keeps_the_earliest_receipt_of_an_event
            hooks: two_contents_under_one_id_are_two_events
            hooks: a_batch_increments_a_persons_version_by_one
            hooks: an_event_makes_accounts_pending_on_each_connection_of_its_source
            hooks: an_operators_event_changes_the_person_of_its_alias
            hooks: a_start_that_moves_ahead_is_claimed_as_a_leaver_is
            hooks: a_leaver_overtakes_corrections_and_repeats
            hooks: concurrent_batches_create_one_person_for_one_alias
            hooks: concurrent_merges_and_batches_lose_no_event
            hooks: a_dropped_caller_cancels_no_write
            hooks: a_message_is_quarantined_once
            claims: concurrent_claims_never_share_an_account
            claims: leavers_are_claimed_first
            claims: a_claim_can_name_a_priority_or_a_person
            claims: no_account_is_claimed_without_a_mapping_or_while_paused
            claims: an_expired_lease_is_taken_over_and_its_holder_writes_nothing
            claims: an_extended_lease_is_not_taken_over
            claims: an_intent_survives_its_lease
            claims: a_released_account_stays_pending
            claims: time_never_goes_back_for_an_account
            commits: a_reconciled_account_is_not_pending_until_it_is_due
            commits: a_failed_attempt_backs_off_until_a_new_event
            commits: a_change_during_a_reconcile_leaves_the_account_pending
            commits: a_termination_during_a_reconcile_is_detected_and_runs_first
            commits: a_crash_before_the_commit_leaves_the_account_pending
            commits: every_field_of_a_commit_is_read_back
            concurrent_commits: a_user_is_bound_to_one_account_of_a_connection
            concurrent_commits: an_account_is_bound_before_the_first_write
            concurrent_commits: the_other_owners_of_users_are_named
            concurrent_commits: concurrent_commits_do_not_affect_each_other
            sweep: the_sweep_adds_the_accounts_of_a_new_connection
            sweep: the_sweep_restores_a_lost_mark
            sweep: the_sweep_finds_an_account_with_an_old_mapping
            sweep: the_sweep_finds_a_due_time_and_respects_a_backoff
            sweep: the_sweep_changes_no_account_that_is_pending_claimed_or_reconciled
            sweep: an_observed_account_is_pending_after_the_mode_becomes_apply
            dead_letters: the_same_problem_is_one_open_dead_letter
            dead_letters: a_successful_commit_closes_the_accounts_dead_letters
            dead_letters: an_unreadable_hook_is_kept_until_it_is_readable
            dead_letters: a_replay_makes_accounts_pending_now
            dead_letters: dead_letters_are_selected_by_filter
            leavers: a_leaver_counts_until_it_is_proven_inactive
            leavers: an_overdue_leaver_is_filed_once_and_closed_by_the_proof
            leavers: an_overdue_leaver_has_its_last_outcome
            leavers: a_refusal_that_still_holds_stays_open
            leavers: a_retry_makes_waiting_accounts_pending
            leavers: an_outage_is_known_to_every_process_and_an_operator_ends_its_pause
            leavers: a_poison_dead_letter_is_closed_by_a_replay
            people: aliases_that_an_event_names_together_share_their_events
            people: a_person_is_found_by_key_alias_and_worker_id
            people: a_worker_id_that_looks_like_an_alias_stands_for_nobody_else
            strings: every_string_that_intake_accepts_is_read_back
            strings: a_message_that_the_store_refuses_is_refused_as_a_whole
            identity: a_conversion_merges_two_workers_into_one_person
            identity: a_binding_moves_to_the_remaining_person_after_a_merge
            identity: a_binding_returns_to_its_alias_after_a_split
            opening: a_store_of_another_instance_is_refused
            opening: a_store_of_a_newer_version_is_refused
            opening: the_migration_status_names_pending_migrations
            opening: a_reopened_store_has_its_rows
            opening: the_views_show_times_as_timestamps
            connections: the_first_mapping_is_published_and_a_different_one_is_staged
            connections: applying_a_mapping_makes_its_accounts_pending
            connections: a_connection_is_paused_and_resumed_once
            connections: one_caller_at_a_time_creates_the_group_of_a_name
        }
    };
    ($begin:path; $($module:ident: $test:ident)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let harness = $begin().await;
                $crate::store_conformance::$module::$test(&harness).await;
            }
        )+
    };
}
