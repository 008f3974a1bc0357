//! The ways in, by number, and the tests that try them.

/// Where a test lives: what cargo is asked to build and run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// The binary, end to end.
    Binary,
    /// Commands in sandboxes.
    Sandboxes,
    /// Filters of system calls.
    Calls,
    Files,
    Record,
    Serve,
    Terminal,
    Models,
    Fetch,
    Application,
}

impl Target {
    pub const ALL: [Self; 10] = [
        Self::Binary,
        Self::Sandboxes,
        Self::Calls,
        Self::Files,
        Self::Record,
        Self::Serve,
        Self::Terminal,
        Self::Models,
        Self::Fetch,
        Self::Application,
    ];

    pub const fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Binary => &["--package", "harness", "--test", "it"],
            Self::Sandboxes => &["--package", "harness-sandbox", "--test", "sandbox"],
            Self::Calls => &["--package", "harness-sandbox", "--lib"],
            Self::Files => &["--package", "harness-files", "--test", "files"],
            Self::Record => &["--package", "harness-trace", "--lib"],
            Self::Serve => &["--package", "harness-serve", "--lib"],
            Self::Terminal => &["--package", "harness-terminal", "--lib"],
            Self::Models => &["--package", "harness-models", "--lib"],
            Self::Fetch => &["--package", "harness-tools", "--lib"],
            Self::Application => &["--package", "harness", "--lib"],
        }
    }
}

/// One way in.
pub struct Line {
    pub number: &'static str,
    /// What must hold.
    pub what: &'static str,
    pub tests: &'static [(Target, &'static str)],
}

impl Line {
    /// The tests that are played as another user, too: sandboxes, and what runs in them.
    pub fn of_another_user(&self) -> Vec<(Target, &'static str)> {
        let own = |test: &(Target, &str)| test.0 == Sandboxes || (test.0 == Binary && AS_ANOTHER.contains(&test.1));
        self.tests.iter().copied().filter(own).collect()
    }
}

const AS_ANOTHER: &[&str] = &[
    "own_state::a_command_of_a_model_writes_nothing_that_decides_its_rights",
    "own_state::a_pack_with_fs_writes_nothing_that_decides_its_rights",
    "faults::a_permission_gives_what_it_names_and_nothing_more",
];

use Target::{Application, Binary, Calls, Fetch, Files, Models, Record, Sandboxes, Serve, Terminal};

/// All of them.
pub const LINES: &[Line] = &[
    Line {
        number: "1",
        what: "no write of the program follows a link or uses a name that can be guessed",
        tests: &[
            (Binary, "own_state::nothing_is_written_through_a_link_that_somebody_left"),
            (Files, "nothing_is_written_through_a_link_or_over_something_else"),
            (Files, "a_draft_takes_its_place_or_leaves_nothing"),
        ],
    },
    Line {
        number: "1b",
        what: "quarantine, lock, record and packs lie where no confined party writes, and fail closed",
        tests: &[
            (Binary, "own_state::a_pack_with_fs_writes_nothing_that_decides_its_rights"),
            (Binary, "own_state::a_quarantine_that_cannot_be_read_lets_no_pack_run_in_a_child"),
            (Binary, "faults::quarantine_is_listed_lasts_and_is_lifted_by_a_person"),
        ],
    },
    Line {
        number: "2",
        what: "a folder from elsewhere runs nothing, sends nothing and reads nothing outside until its user trusts it",
        tests: &[
            (Binary, "stranger::a_command_of_a_folder_is_not_started_by_whatever_reads_it"),
            (Binary, "stranger::a_script_that_changed_under_a_command_that_did_not_asks_again"),
            (Binary, "stranger::a_pack_of_a_folder_does_not_run_with_or_without_the_folder_s_own_lock"),
            (Binary, "stranger::what_the_user_installs_edits_and_names_is_not_asked_about"),
            (Binary, "stranger::a_key_goes_to_no_host_that_it_is_not_bound_to"),
            (Binary, "stranger::what_a_model_reads_is_sent_to_nobody_unasked"),
            (Binary, "stranger::paths_lead_out_of_no_suite_skill_bundle_or_instruction"),
            (Binary, "stranger::scripts_of_tasks_run_when_they_are_trusted_and_not_before"),
            (Binary, "stranger::what_merely_reads_asks_nothing_and_what_is_trusted_is_kept_outside"),
        ],
    },
    Line {
        number: "3",
        what: "what decides rights is never writable by what has them",
        tests: &[
            (Binary, "own_state::a_command_of_a_model_writes_nothing_that_decides_its_rights"),
            (Binary, "stranger::what_a_model_writes_into_its_harness_is_not_run_by_the_next_run"),
            (Sandboxes, "what_decides_rights_is_not_written_by_what_has_them"),
            (Sandboxes, "without_mounts_of_its_own_landlock_keeps_what_decides_rights"),
            (Sandboxes, "a_place_that_a_command_could_turn_elsewhere_is_refused"),
        ],
    },
    Line {
        number: "4",
        what: "every system call is decided on; arguments that name other processes are looked at",
        tests: &[
            (Calls, "calls::tests::every_call_is_decided_once_and_what_is_not_is_not_there"),
            (Calls, "calls::tests::every_decision_is_kept_in_every_box"),
            (Calls, "calls::tests::every_call_that_is_looked_at_is_open_with_some_arguments_and_shut_with_others"),
            (Calls, "calls::tests::the_kernels_table_has_no_call_that_nobody_decided_on"),
            (Sandboxes, "newer_calls_and_other_processes_are_out_of_reach"),
            (Sandboxes, "other_processes_are_out_of_reach"),
            (Sandboxes, "ways_into_the_kernel_are_shut"),
            (Sandboxes, "owners_modes_and_times_of_others_stay"),
        ],
    },
    Line {
        number: "5",
        what: "memory and disk of a command are bounded, wherever they are taken; no file with its owner's rights is left",
        tests: &[
            (Sandboxes, "memory_files_and_disk_are_bounded"),
            (Sandboxes, "memory_that_no_process_shows_is_bounded"),
            (Sandboxes, "a_fork_bomb_is_bounded"),
            (Sandboxes, "newer_calls_and_other_processes_are_out_of_reach"),
        ],
    },
    Line {
        number: "6",
        what: "no text of others acts on a terminal; an answer is given after its question",
        tests: &[
            (Binary, "terminal::an_approval_is_asked_on_a_plain_terminal"),
            (Binary, "terminal::words_of_a_model_reach_no_terminal"),
            (Binary, "terminal::nobody_is_asked_where_nobody_is"),
            (Binary, "approval::only_a_plain_yes_is_one"),
            (Terminal, "escape::tests::what_acts_on_a_terminal_is_spelt_out"),
            (Terminal, "escape::tests::nothing_hidden_comes_through"),
        ],
    },
    Line {
        number: "7",
        what: "keys are not recorded, not returned, and the record is its owner's alone",
        tests: &[
            (Models, "http::secrets::tests::keys_are_hidden_whole_and_cut_short"),
            (Binary, "traces::a_record_of_another_user_is_read"),
            (Record, "access::tests::a_record_is_its_owner_s_alone"),
        ],
    },
    Line {
        number: "8",
        what: "a served harness keeps its clients apart, waits for none without end, and is honest about its state",
        tests: &[
            (Binary, "serve::hidden_history_stays_in_its_session"),
            (Binary, "serve::a_thousand_slow_clients_keep_nobody_waiting"),
            (Binary, "serve::without_a_token_only_a_loopback_name_is_answered"),
            (Serve, "listen::tests::a_client_that_never_reads_loses_its_place"),
            (
                Serve,
                "outbox::tests::a_client_that_does_not_read_is_cut_off_when_there_is_no_room_and_the_others_are_not",
            ),
            (Serve, "timed::tests::a_reader_that_takes_nothing_is_given_up"),
            (Serve, "hidden_history::tests::what_is_kept_is_bounded"),
        ],
    },
    Line {
        number: "9",
        what: "files from outside are regular files beneath their folder, and have limits",
        tests: &[
            (Binary, "suite::a_suite_reads_files_beneath_its_folder_and_no_others"),
            (Binary, "own_state::what_is_no_regular_file_among_packs_is_refused_and_not_waited_for"),
            (Files, "what_is_no_regular_file_is_not_read_and_not_waited_for"),
        ],
    },
    Line {
        number: "10",
        what: "infrastructure is never a failure of the harness",
        tests: &[
            (Binary, "disturbed::a_bench_whose_children_are_killed_and_stopped_gives_no_false_number"),
            (Binary, "disturbed::a_host_that_was_stopped_does_not_blame_its_children"),
            (Binary, "ends::a_bench_keeps_nothing_of_a_broken_server_and_says_what_it_could_not_measure"),
            (Binary, "faults::an_episode_whose_process_ended_in_another_call_is_to_be_repeated"),
        ],
    },
    Line {
        number: "11",
        what: "one holder of a run; of what several processes change at once everything is kept",
        tests: &[
            (Binary, "disturbed::two_evolutions_of_one_workspace_killed_at_random_decide_what_one_decides"),
            (Binary, "own_state::of_what_eight_processes_change_at_once_everything_is_kept"),
            (Binary, "own_state::a_policy_that_cannot_be_read_is_not_written_over_and_lets_nobody_in"),
            (Files, "changes_at_the_same_time_are_all_kept"),
            (Application, "lock::tests::one_holds_it_and_is_named"),
            (Application, "lock::tests::of_many_at_once_one_is_in_at_a_time"),
        ],
    },
    Line {
        number: "11b",
        what: "a fault at any write leaves what was promised, nothing half, and a way on",
        tests: &[
            (Binary, "write_faults::at_every_write_of_the_record_nothing_promised_is_lost"),
            (Binary, "write_faults::at_every_write_of_lock_and_policy_they_are_the_old_or_the_new"),
            (Binary, "write_faults::at_every_write_of_the_ledger_the_decisions_are_the_same"),
            (Binary, "ends::a_full_disk_is_said_and_the_run_goes_on_when_there_is_room"),
        ],
    },
    Line {
        number: "12",
        what: "a program of the agent does not write its own reward",
        tests: &[(Binary, "workspaces::the_place_of_the_reward_is_not_handed_to_programs")],
    },
    Line {
        number: "13",
        what: "closed streams, full disks and numbers out of range are errors and no crash",
        tests: &[(Binary, "terminal::streams_that_cannot_be_written"), (Binary, "terminal::arguments_of_any_bytes")],
    },
    Line {
        number: "14",
        what: "a model that obeys any text reaches neither secrets nor files outside its workspace",
        tests: &[
            (Binary, "injection::a_model_that_obeys_whatever_it_reads_gets_nothing_out_of_bubblewrap"),
            (Binary, "injection::a_model_that_obeys_whatever_it_reads_gets_nothing_out_of_landlock"),
            (Sandboxes, "it_works_in_its_workspace_and_nowhere_else"),
            (Sandboxes, "its_environment_is_what_it_was_given"),
            (Sandboxes, "the_network_is_off_unless_allowed"),
            (Sandboxes, "nothing_is_left_running"),
        ],
    },
    Line {
        number: "15",
        what: "a web page leads a model to no address of this machine",
        tests: &[
            (Fetch, "fetch::tests::a_redirect_leads_nowhere_else"),
            (Fetch, "fetch::tests::no_name_leads_to_this_machine_unless_it_is_named"),
            (Fetch, "fetch::hosts::tests::what_is_not_public_must_be_named_itself"),
        ],
    },
    Line {
        number: "16",
        what: "whatever a pack in a child does, the host goes on and its permissions hold",
        tests: &[
            (Binary, "faults::every_fault_at_every_hook_is_contained_in_a_child"),
            (Binary, "faults::every_other_fault_at_every_hook_is_contained_in_a_child"),
            (Binary, "faults::a_permission_gives_what_it_names_and_nothing_more"),
            (Binary, "faults::where_the_kernel_cannot_confine_a_pack_does_not_start_unless_told_otherwise"),
        ],
    },
];
