package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"atserver/cmd/console"
)

// networkCmd is about whole networks of one's own.
type networkCmd struct {
	Up networkUpCmd `cmd:"" help:"Run a directory and any number of atSigns in this process."`
}

type networkUpCmd struct {
	AtSign             []string `name:"atsign" short:"a" placeholder:"@alice" help:"AtSign to serve. May be repeated."`
	BasePort           *int     `xor:"layout" placeholder:"PORT" help:"Port of the directory; the atSigns have those that follow, in order. 0: any free ones (6400)."`
	VirtualEnvironment bool     `xor:"layout" help:"The layout of the reference's virtual environment: directory at 64, atSigns from 25000 on, the name vip.ve.atsign.zone, and, if none are given, its twenty atSigns."`
	Listen             string   `default:"127.0.0.1" placeholder:"HOST" help:"Address to listen on (${default})."`
	Name               string   `placeholder:"HOST" help:"Host name that clients reach all of it by (localhost)."`
	Data               string   `placeholder:"DIR" help:"Folder that keeps the network; without it nothing outlives the process."`
	Entries            string   `placeholder:"FILE" help:"File of further atSigns for the directory, @bob=HOST:PORT, one a line. It is reread when it changes."`

	CRAMSecretFile   string   `name:"cram-secret-file" placeholder:"FILE" help:"One-time secrets for onboarding, one a line: @alice:SECRET, or SECRET only in the order of the atSigns. Others are made."`
	TestingMode      []string `placeholder:"@alice" help:"AtSign whose CRAM secret stays usable, for test suites. May be repeated."`
	PeerCertificates bool     `name:"peer-certificates" negatable:"" default:"true" help:"Demand a client certificate of other atServers."`
	LogLevel         string   `env:"ATSERVER_LOG_LEVEL,logLevel" default:"warn" help:"debug, info, warn or error."`
}

func (networkUpCmd) Help() string {
	return `For development and tests. All share one certificate, of an authority that
clients must trust, and know each other through the directory. Ready is said when
all answer; SIGTERM ends all in order, and what ends one ends all.

CRAM secrets that are made are shown on a terminal, else left in files that only
you can read. In the file for given ones, a line that begins with # is a comment.`
}

// Run serves until a signal, or a fault of any part, ends all.
func (c *networkUpCmd) Run() error {
	log, _, err := newLog(c.LogLevel)
	if err != nil {
		return err
	}
	name, port, first, err := c.layout()
	if err != nil {
		return err
	}
	members, err := c.members(first)
	if err != nil {
		return err
	}
	room := roomIn(containerLimit(os.DirFS("/")), len(members))
	limitMemory(room.limit, room.lineBudget*len(members))
	ctx, stop := untilSignal()
	defer stop()
	ctx, unhook := signal.NotifyContext(ctx, syscall.SIGHUP) // the terminal is closed
	defer unhook()
	n := &network{name: name, members: members, peerCertificates: c.PeerCertificates, log: log, room: room}
	defer n.close()
	if err := n.listen(c.Listen, port); err != nil {
		return err
	}
	if err := n.settle(c.Data); err != nil {
		return err
	}
	if err := n.open(ctx, c.Entries); err != nil || ctx.Err() != nil {
		return err
	}
	logMemory(log, room)
	return n.run(ctx, func() error { return n.print(console.Terminal()) })
}

// settle finds the folder of the network, or makes one that goes with the process.
func (n *network) settle(data string) (err error) {
	if n.kept = data != ""; n.kept {
		n.folder = data
		err = os.MkdirAll(data, 0o700)
	} else {
		n.folder, err = os.MkdirTemp("", "atserver-network-")
	}
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	for _, m := range n.members {
		m.folder = filepath.Join(n.folder, string(m.sign))
		if err := os.MkdirAll(m.folder, 0o700); err != nil {
			return fmt.Errorf("data folder: %w", err)
		}
	}
	return nil
}

// print tells what runs where, and how to get in.
func (n *network) print(con *console.Console) error {
	rows := [][]string{{"directory", n.address, ""}}
	for _, m := range n.members {
		rows = append(rows, []string{string(m.sign), m.address, m.whereSecret()})
	}
	err := con.Table([]string{"atSign", "address", "CRAM secret"}, rows)
	_, err2 := fmt.Fprintf(con.Out, "clients must trust %s\nready: the directory answers at %s\n", n.certificate.authority.CAFile(), n.address)
	return errors.Join(err, err2)
}
