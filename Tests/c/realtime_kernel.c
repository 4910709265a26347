/*
 * The real-time contract, proved by the kernel: a child process gives up every system call but exit (a seccomp filter), and then
 * plays. One system call, even one that no library function makes, and the kernel kills it.
 */
#define _GNU_SOURCE
#include "audio_thread.h"
#include "violations.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BLOCKS 100000
/* A block of notes costs what several voices do, and a proof must be run often. */
#define BLOCKS_OF_NOTES 10000
#define BLOCKS_OF_A_FILE 4000
/* These pass in real time. */
#define BLOCKS_AHEAD 1500

typedef enum role { ONLY_ENTERS, READS_THE_CLOCK, PLAYS, VIOLATES } role;

static subject current;
static int blocks, violation, subject_number;

/* From here on this process may exit, and nothing else. (Strict mode would also take away the time-stamp counter, with which the
   clock is read without a system call.) */
static int give_up_system_calls(void) {
  struct sock_filter rules[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
  };
  struct sock_fprog program = {sizeof rules / sizeof *rules, rules};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* Runs `role` in a child that may not call the system. Returns its exit status, -1 where it was killed, -2 without seccomp. */
static int confined(role role) {
  fflush(stdout);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    /* A stream that renders ahead, in this process: its thread is not the parent's, and keeps its system calls, as only the thread
       that gives them up loses them. */
    if (role == PLAYS && current.thread.renders_ahead) next_subject(&current, subject_number, 0, NULL);
    if (!give_up_system_calls()) _exit(99);
    int result = 0;
    struct timespec now;
    switch (role) {
    case ONLY_ENTERS:
      break;
    case READS_THE_CLOCK:
      clock_gettime(CLOCK_MONOTONIC, &now);
      break;
    case PLAYS:
      for (int block = 0; block < blocks; block++) audio_thread_turn(&current.thread);
      result = !audio_thread_went_well(&current.thread);
      break;
    case VIOLATES:
      audio_thread_turn(&current.thread);
      violate(violation);
      break;
    }
    _exit(result);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status)) return -1;
  return WEXITSTATUS(status) == 99 ? -2 : WEXITSTATUS(status);
}

static void makes_no_system_call(void) { CHECK_EQUAL(confined(PLAYS), 0); }

static void violation_is_killed(void) { CHECK_EQUAL(confined(VIOLATES), -1); }

int main(int argument_count, char **arguments) {
  char name[512];
  if (confined(ONLY_ENTERS) != 0) {
    printf("skip a process cannot give up system calls here (no seccomp)\n");
    return finish();
  }
  if (confined(READS_THE_CLOCK) != 0) {
    printf("skip this machine's clock can only be read by a system call\n");
    return finish();
  }
  for (int number = 0; next_subject(&current, number, argument_count, arguments); number++) {
    blocks = number < PLAIN_SUBJECTS   ? BLOCKS
             : number < MUSIC_SUBJECTS ? BLOCKS_OF_NOTES
             : number < OWN_SUBJECTS   ? BLOCKS_AHEAD
                                       : BLOCKS_OF_A_FILE;
    snprintf(name, sizeof name, "no system call in %d blocks of %s", blocks, current.name);
    subject_number = number;
    RUN_NAMED(makes_no_system_call, name);
    end_subject(&current);
  }
  next_subject(&current, 0, argument_count, arguments);
  for (violation = 3; violation < VIOLATIONS; violation++) {
    snprintf(name, sizeof name, "control: a library that %s is killed", violation_names[violation]);
    RUN_NAMED(violation_is_killed, name);
  }
  end_subject(&current);
  return finish();
}
