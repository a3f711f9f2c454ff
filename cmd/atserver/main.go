// Command atserver answers for one atSign.
//
// Its guarantees to whoever operates it: what it cannot do it says in one line and
// ends with status 1, or 2 for a wrong command line, having changed nothing; no
// secret reaches its output unless it is a terminal, nor its log ever; SIGTERM ends
// it in order.
package main

import (
	"os"

	"github.com/alecthomas/kong"
)

type cli struct {
	Serve     serveCmd     `cmd:"" default:"withargs" help:"Serve an atSign (the default command)."`
	Enroll    enrollCmd    `cmd:"" help:"List enrollments and decide about them, as an operator of this machine."`
	Audit     auditCmd     `cmd:"" help:"Read and verify the audit trail."`
	Backup    backupCmd    `cmd:"" help:"Copy a server's data, while it runs or when it does not."`
	Restore   restoreCmd   `cmd:"" help:"Put copies back, into an empty folder."`
	Verify    verifyCmd    `cmd:"" help:"Check that copies are whole and follow each other."`
	Directory directoryCmd `cmd:"" help:"Run a small atDirectory for a network of one's own."`
	Network   networkCmd   `cmd:"" help:"Run a whole network of one's own, for development and tests."`
	Health    healthCmd    `cmd:"" help:"Ask a running server on this machine whether it answers."`
	Version   versionCmd   `cmd:"" help:"Tell the version."`
}

func main() {
	var c cli
	ctx := kong.Parse(&c,
		kong.Name("atserver"),
		kong.Description("A personal identity server: it answers for one atSign in the Atsign Protocol."),
		kong.Exit(exit),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Vars{"data": defaultData()},
	)
	ctx.Bind(verb(ctx.Selected().Name))
	ctx.FatalIfErrorf(ctx.Run())
	os.Exit(0)
}

// exit gives mistakes on the command line the status that is usual for them.
func exit(status int) {
	if status == 80 {
		status = 2
	}
	os.Exit(status)
}
