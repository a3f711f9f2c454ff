package main

import (
	"fmt"
	"os"
	"time"

	"filippo.io/age"

	"atserver/cmd/console"
	"atserver/server/backup"
	"atserver/store/atkey"
)

// identityFlag names who can open copies that are encrypted.
type identityFlag struct {
	Identity string `placeholder:"FILE" help:"File with the identity of age that opens encrypted copies."`
}

func (f identityFlag) identities() ([]age.Identity, error) {
	if f.Identity == "" {
		return nil, nil
	}
	file, err := os.Open(f.Identity)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	all, err := age.ParseIdentities(file)
	if err != nil {
		return nil, fmt.Errorf("%s holds no identity of age", f.Identity) // its line stays unsaid
	}
	return all, nil
}

// restoreCmd puts copies back.
type restoreCmd struct {
	identityFlag
	From   []string `required:"" sep:"none" placeholder:"DIR|FILE" help:"Folder of copies, of which the newest are restored, or a copy of everything and then its increments, each with --from."`
	AtSign string   `name:"atsign" short:"a" env:"ATSERVER_ATSIGN" placeholder:"@alice" help:"AtSign that is restored, to find its data folder; copies of another are refused."`
	Data   string   `env:"ATSERVER_DATA,secondaryStoragePath" placeholder:"DIR" help:"Data folder, empty or not there (${data}/ATSIGN)."`
}

// Run restores.
func (c *restoreCmd) Run() error {
	limitMemory(containerLimit(os.DirFS("/")), 0) // it runs where the server did
	ctx, stop := untilSignal()
	defer stop()
	identities, err := c.identities()
	if err != nil {
		return err
	}
	dir, err := operatorFlags{AtSign: c.AtSign, Data: c.Data}.folder()
	if err != nil {
		return err
	}
	chains, err := chainsOf(c.From)
	if err != nil {
		return err
	}
	chain := chains[len(chains)-1]
	con := console.Terminal()
	m, err := meterOf(con, "restoring", chain)
	if err != nil {
		return err
	}
	if err := c.mine(chain[0]); err != nil {
		return err
	}
	restored, err := backup.Restore(ctx, chain, identities, dir, faults(), m.Add)
	m.End()
	if err != nil {
		return interrupted(ctx, err)
	}
	last := restored[len(restored)-1]
	fmt.Printf("%s is restored into %s, as it was at %s\n", last.Sign, dir, last.Made.Local().Format(time.DateTime))
	con.Say("make sure that the server it is a copy of does not run any more")
	return nil
}

// mine refuses the copy of another atSign than was named.
func (c *restoreCmd) mine(path string) error {
	if c.AtSign == "" {
		return nil
	}
	sign, err := atkey.ParseSign(c.AtSign)
	if err != nil {
		return err
	}
	h, err := backup.ReadHeader(path)
	if err == nil && h.Sign != sign {
		err = fmt.Errorf("%s is of %s, not of %s", path, h.Sign, sign)
	}
	return err
}

// meterOf shows how much of files has been read.
func meterOf(con *console.Console, what string, files []string) (*console.Meter, error) {
	total := int64(0)
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			return nil, err
		}
		total += info.Size()
	}
	m := console.NewMeter(con, what, total)
	m.Bytes = true
	return m, nil
}
