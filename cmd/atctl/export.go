package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"atserver/cmd/console"
	"atserver/store/atkey"
)

type exportCmd struct {
	File    string `arg:"" optional:"" type:"path" default:"" help:"File to write, in place of one that is there. Default: standard output."`
	Decrypt bool   `help:"Add what is stored in the clear, as plain, or plainBase64 if it is no text. Whoever gets the file can read it."`
}

func (c *exportCmd) Help() string {
	return `Writes what you stored for yourself, for others and for everybody, as JSON, a
record a line, with its metadata. The server's own keys, rights, passcodes and
copies of what others share with you are no part of it. Values are as they are
stored: the key file opens them. atctl import reads the file.`
}

const (
	exportFormat  = "atserver-export"
	exportVersion = 1
)

// exportHeader is the first line of an export.
type exportHeader struct {
	Format  string     `json:"format"`
	Version int        `json:"version"`
	Sign    atkey.Sign `json:"atsign"`
}

// exportLine is every other line.
type exportLine struct {
	record
	Plain       *string `json:"plain,omitempty"` // for readers; import does not look at it
	PlainBase64 []byte  `json:"plainBase64,omitempty"`
}

func (c *exportCmd) Run(ctx context.Context, con *console.Console, g *globals) error {
	keys, err := g.readKeys(con)
	if err != nil {
		return err
	}
	return g.stay(ctx, g.options(keys.Sign), keys, func(ctx context.Context, s session) error {
		count := exportCount{}
		write := func(w io.Writer) error { return c.write(ctx, con, s, w, &count) }
		if c.File == "" {
			err = write(con.Out)
		} else {
			err = replaceFile(c.File, write)
		}
		if err != nil {
			return fmt.Errorf("export: %w", err)
		}
		if g.JSON && c.File != "" {
			return con.Print(count)
		}
		con.Say("%v", count)
		return nil
	})
}

type exportCount struct {
	Written int  `json:"written"`
	Expired int  `json:"expired"`
	Closed  *int `json:"closed,omitempty"` // with decryption: not opened by these keys
}

func (c exportCount) String() string {
	text := fmt.Sprintf("%d records exported, %d expired ones left out", c.Written, c.Expired)
	if c.Closed != nil {
		text += fmt.Sprintf(", %d not opened by these keys", *c.Closed)
	}
	return text
}

// write writes the export of all that the session may read.
func (c *exportCmd) write(ctx context.Context, con *console.Console, s session, w io.Writer, count *exportCount) error {
	out := newJSONLines(w)
	if err := out.Encode(exportHeader{exportFormat, exportVersion, s.Sign}); err != nil {
		return err
	}
	var open func(context.Context, record) ([]byte, error)
	if c.Decrypt {
		open, count.Closed = s.opener(), new(int)
	}
	m := console.NewMeter(con, "exporting", -1)
	defer m.End()
	for r, err := range s.records(ctx, func(n int) { m.Total = int64(n) }) {
		if err != nil {
			return err
		}
		m.Add(1)
		if r.expired(time.Now()) {
			count.Expired++
			continue
		}
		line := exportLine{record: r}
		if open != nil {
			plain, err := open(ctx, r)
			if err != nil {
				return err
			}
			if plain == nil {
				*count.Closed++
			}
			line.show(plain)
		}
		if err := out.Encode(line); err != nil {
			return err
		}
		count.Written++
	}
	return out.Flush()
}

// openExport opens the file of an export, or what takes its place.
func openExport(path string, con *console.Console) (in io.ReadCloser, size int64, err error) {
	if path == "" {
		return io.NopCloser(con.In), -1, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}
