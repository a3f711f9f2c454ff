package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"atserver/cmd/console"
	"atserver/store/atkey"
)

type importCmd struct {
	File      string `arg:"" optional:"" type:"path" default:"" help:"File that atctl export wrote. Default: standard input."`
	Overwrite bool   `help:"Replace records that the server has with another value. Default: leave them alone."`
}

func (c *importCmd) Help() string {
	return `Stores the records with all their metadata, dates included. What is there already
is skipped, so that an import that broke off goes on when it is begun again. The
public key of the server is never replaced.`
}

func (c *importCmd) Run(ctx context.Context, con *console.Console, g *globals) error {
	keys, err := g.readKeys(con)
	if err != nil {
		return err
	}
	in, size, err := openExport(c.File, con)
	if err != nil {
		return err
	}
	defer in.Close()
	lines := newExportReader(in)
	if err := lines.header(keys.Sign); err != nil {
		return err
	}
	return g.stay(ctx, g.options(keys.Sign), keys, func(ctx context.Context, s session) error {
		m := console.NewMeter(con, "importing", size)
		carrier, err := s.carry(ctx, c.Overwrite, m.Say)
		if err == nil {
			err = carrier.read(ctx, lines, m)
		}
		m.End()
		if carrier == nil {
			return fmt.Errorf("import: %w", err)
		}
		if g.JSON {
			return errors.Join(con.Print(carrier.tally), err)
		}
		con.Say("%v", carrier.tally)
		return err
	})
}

// read brings what the lines say.
func (c *carrier) read(ctx context.Context, lines *exportReader, m *console.Meter) error {
	for line, err := range lines.rest() {
		if err != nil { // nothing more can be read; what was is kept
			return errors.Join(err, c.end(ctx))
		}
		m.Add(len(line) + 1)
		where := fmt.Sprintf("line %d", lines.number)
		var r record
		if err := json.Unmarshal(line, &r); err != nil {
			c.fail(where, err)
			continue
		}
		if err := c.take(ctx, where, r); err != nil {
			return err
		}
	}
	return c.end(ctx)
}

// maxExportLine bounds, in bytes, a line of an export: the longest value, escaped,
// and the same in the clear.
const maxExportLine = 128 << 20

// exportReader reads an export line by line.
type exportReader struct {
	in     *bufio.Scanner
	number int // of the line that was read last
}

func newExportReader(in io.Reader) *exportReader {
	r := &exportReader{in: bufio.NewScanner(in)}
	r.in.Buffer(nil, maxExportLine)
	return r
}

// header reads the first line, and refuses what is no export of the atSign's.
func (r *exportReader) header(sign atkey.Sign) error {
	var h exportHeader
	for line, err := range r.rest() {
		if err != nil {
			return err
		}
		if json.Unmarshal(line, &h) != nil {
			h = exportHeader{}
		}
		break
	}
	switch {
	case h.Format != exportFormat:
		return errors.New("line 1: this is no export")
	case h.Version != exportVersion:
		return fmt.Errorf("line 1: an export of version %d; this atctl reads version %d", h.Version, exportVersion)
	case h.Sign != sign:
		return usageError{fmt.Errorf("line 1: an export of %s, not of %s", h.Sign, sign)}
	}
	return nil
}

// rest returns the lines that have not been read, but blank ones.
func (r *exportReader) rest() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for r.in.Scan() {
			r.number++
			if line := bytes.TrimSpace(r.in.Bytes()); len(line) > 0 && !yield(line, nil) {
				return
			}
		}
		if err := r.in.Err(); err != nil {
			yield(nil, fmt.Errorf("line %d: %w", r.number+1, err))
		}
	}
}
