// Command atctl is the client of an atSign's owner and apps: it onboards an atSign,
// reads and writes its values, shares them with other atSigns and exchanges
// notifications with them, lets apps in, and asks to be let in as one. It takes data out of a server, mirrors what changes, and moves from one server to another.
//
// It talks to the atServer over verified TLS only, takes secrets from files, a
// terminal or its standard input but never from arguments, writes data to standard
// output and everything else to standard error. Each flag may stand in the
// environment instead: --ca is ATCTL_CA.
//
// Exit codes:
//
//	0  done
//	1  failed
//	2  wrong usage
//	3  there is no such record, or enrollment
//	4  not authorised: login refused, a right is missing, a wrong passphrase or
//	   passcode; a request for access that is denied, or not decided yet
//	5  the server, or the directory, cannot be reached
package main

import (
	"atserver/cmd/console"
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"github.com/alecthomas/kong"
)

type cli struct {
	globals

	Onboard onboardCmd `cmd:"" help:"Make the first keys of an atSign, with its CRAM secret."`
	Put     putCmd     `cmd:"" help:"Store a value: encrypted for yourself, or public."`
	Get     getCmd     `cmd:"" help:"Print a value."`
	Share   shareCmd   `cmd:"" help:"Store a value for another atSign, encrypted."`
	Scan    scanCmd    `cmd:"" help:"List keys."`
	Meta    metaCmd    `cmd:"" help:"Show the metadata of a value, or change them."`
	Delete  deleteCmd  `cmd:"" help:"Delete a value."`
	Sync    syncCmd    `cmd:"" help:"Print all changes as JSON lines, once or as they come."`
	Notify  notifyCmd  `cmd:"" help:"Tell another atSign of something, or see what you were told."`
	Monitor monitorCmd `cmd:"" help:"Print notifications as they come."`
	Export  exportCmd  `cmd:"" help:"Take your data with you, as JSON lines."`
	Import  importCmd  `cmd:"" help:"Store what was exported."`
	Move    moveCmd    `cmd:"" name:"move-from" help:"Copy all from another server, and verify the copy."`
	OTP     otpCmd     `cmd:"" name:"otp" help:"Make a passcode for an app that is to ask for access."`
	Enroll  enrollCmd  `cmd:"" help:"Let apps in, revoke them, or ask to be let in as one."`
	Stats   statsCmd   `cmd:"" help:"Show the server's figures."`
	Whoami  whoamiCmd  `cmd:"" help:"Show who you are to the server, and its version."`
	Version versionCmd `cmd:"" help:"Tell the version."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], console.Terminal())
	stop()
	os.Exit(code)
}

// exit is thrown by kong where it would end the process: after help.
type exit int

// run is main without the process around it; it returns the exit code.
func run(ctx context.Context, args []string, con *console.Console) (code int) {
	defer func() {
		if r := recover(); r != nil {
			thrown, ok := r.(exit)
			if !ok {
				panic(r)
			}
			code = int(thrown)
		}
	}()
	var c cli
	parser, err := kong.New(&c,
		kong.Name("atctl"),
		kong.Description("Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no such record, 4 not authorised, 5 no connection."),
		kong.DefaultEnvars("ATCTL"),
		kong.Vars{"device": deviceName()},
		kong.Writers(con.Out, con.Err),
		kong.Exit(func(code int) { panic(exit(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(con, &c.globals),
	)
	if err != nil {
		panic(err) // the struct above is wrong
	}
	command, err := parser.Parse(args)
	if err != nil {
		return fail(con, usageError{fmt.Errorf("%w; see atctl --help", err)})
	}
	return fail(con, command.Run())
}

// deviceName is the host name with what an enrollment does not allow replaced.
func deviceName() string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		return "device"
	}
	name := strings.Map(func(r rune) rune {
		if isNoName(r) {
			return '-'
		}
		return r
	}, host)
	return name[:min(len(name), maxName)]
}

// maxName is the longest name of an app or a device, in characters.
const maxName = 64

// isNoName tells what cannot stand in such a name.
func isNoName(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '.' && r != '-'
}
