package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"

	"atserver/cmd/console"
	"atserver/server/backup"
)

// verifyCmd checks copies.
type verifyCmd struct {
	identityFlag
	Copies []string `arg:"" name:"copy" placeholder:"DIR|FILE" help:"Folder of copies, or a copy of everything and then its increments."`
	JSON   bool     `help:"For programs: one copy a line."`
}

func (c *verifyCmd) Help() string {
	return `Reads all of the copies. What is in an encrypted one is looked at only if there
is an identity that opens it; its checksums are verified all the same.`
}

// Run lists copies that are good and ends with an error at the first that is not.
func (c *verifyCmd) Run() error {
	ctx, stop := untilSignal()
	defer stop()
	identities, err := c.identities()
	if err != nil {
		return err
	}
	chains, err := chainsOf(c.Copies)
	if err != nil {
		return err
	}
	for _, chain := range chains {
		if err := c.verify(ctx, chain, identities); err != nil {
			return interrupted(ctx, err)
		}
	}
	return nil
}

// chainsOf are the chains in a folder, or the one that files make.
func chainsOf(paths []string) ([][]string, error) {
	info, err := os.Stat(paths[0])
	if err != nil || !info.IsDir() {
		return [][]string{paths}, err
	}
	if len(paths) > 1 {
		return nil, errors.New("give one folder, or files")
	}
	chains, err := backup.Shelf(paths[0]).Chains()
	if err == nil && len(chains) == 0 {
		err = fmt.Errorf("there is no copy in %s", paths[0])
	}
	return chains, err
}

func (c *verifyCmd) verify(ctx context.Context, chain []string, identities []age.Identity) error {
	con := console.Terminal()
	m, err := meterOf(con, "verifying", chain)
	if err != nil {
		return err
	}
	good, failed := backup.Verify(ctx, chain, identities, m.Add)
	m.End()
	for _, copied := range good {
		if err := c.show(con, copied); err != nil {
			return err
		}
	}
	return failed
}

func (c *verifyCmd) show(con *console.Console, copied backup.Checked) error {
	if c.JSON {
		return json.NewEncoder(con.Out).Encode(copied)
	}
	kind, rows := "everything", fmt.Sprintf("%d rows", copied.Changes)
	if copied.Parent != "" {
		kind = "increment"
	}
	if copied.Changes < 0 {
		rows = "encrypted, not looked into"
	}
	_, err := fmt.Fprintf(con.Out, "%s  %s  %s  %-10s  %s  %s\n", filepath.Base(copied.Path), copied.Sign,
		copied.Made.Local().Format(time.DateTime), kind, copied.Checksum[:16], rows)
	return err
}
