/*
 * The command line: one table of commands generates parsing, help, the man page's synopsis, the
 * access check and the audit of reads, denials and failures.
 */
#ifndef PO_CLI_CLI_H
#define PO_CLI_CLI_H

/*
 * Run one command line and return the process's exit code (sysexits; 2 = something did not pass).
 * Prints results on stdout and at most one line of error on stderr. Never exits by itself.
 */
int po_cli_main(int argc, char **argv);

#endif
