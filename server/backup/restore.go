package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"filippo.io/age"
	"github.com/rs/zerolog"

	"atserver/store"
)

// Restore makes a data folder of copies that follow each other, the first of which
// holds everything. dir is empty, or made. After an error it is as it was. seen, if
// not nil, is told of bytes as they are read.
func Restore(ctx context.Context, paths []string, identities []age.Identity, dir string, log zerolog.Logger, seen func(int)) (all []Checked, err error) {
	if len(paths) == 0 {
		return nil, errors.New("no copy was given")
	}
	made, err := emptyFolder(dir)
	if err != nil {
		return nil, err
	}
	unfinished := filepath.Join(dir, Unfinished)
	if err := os.Mkdir(unfinished, 0o700); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, emptied(dir, made))
		}
	}()
	b := &restore{chain: chain{ctx: ctx, identities: identities, seen: seen}, dir: unfinished, paths: paths}
	if err := b.run(log); err != nil {
		return nil, err
	}
	return b.all, finish(dir)
}

// restore is one under way.
type restore struct {
	chain
	dir   string
	paths []string
	files []File // of the copy that was read last
	all   []Checked
}

func (b *restore) run(log zerolog.Logger) error {
	first, err := b.begin(b.paths[0])
	if err != nil {
		return err
	}
	defer first.close()
	o := store.Options{
		Dir: filepath.Join(b.dir, Store), RootSecret: filepath.Join(b.dir, RootSecret), Sign: first.Sign, Log: log,
	}
	if _, err := os.Stat(o.RootSecret); err != nil {
		return first.fail(errors.New("is damaged: it holds no root secret"))
	}
	if err := store.Load(o, b.changes(first)); err != nil {
		return err
	}
	db, err := store.Open(o)
	if err != nil {
		return err
	}
	if _, err := db.VerifyAudit(); err != nil { // as in what was copied: no reason to have nothing at all
		log.Error().Err(err).Msg("The audit trail of the copy does not hold")
	}
	err = db.Restored(store.Event{Actor: "operator", Action: "restore", Outcome: "allow", Detail: map[string]string{
		"made": b.last.Made.Format(time.RFC3339), "checksum": b.last.Checksum, "copies": strconv.Itoa(len(b.paths)),
	}})
	return errors.Join(err, db.Close())
}

// begin opens a copy and puts its files in place.
func (b *restore) begin(path string) (*reader, error) {
	r, err := b.next(path)
	if err != nil {
		return nil, err
	}
	err = r.open(b.identities)
	if err == nil {
		if err = writeFiles(b.dir, r.files, b.files); errors.Is(err, errEntry) {
			err = r.fail(err)
		}
	}
	if err != nil {
		r.close()
		return nil, err
	}
	b.files = r.files
	return r, nil
}

// changes yields those of the first copy, which is open, and of all others.
func (b *restore) changes(first *reader) iter.Seq2[store.RawRow, error] {
	return func(yield func(store.RawRow, error) bool) {
		for i, path := range b.paths {
			r := first
			if i > 0 {
				var err error
				if r, err = b.begin(path); err != nil {
					yield(store.RawRow{}, err)
					return
				}
			}
			changes := int64(0)
			more, err := r.changes(func(c store.RawRow) bool { changes++; return yield(c, nil) })
			r.close()
			if err != nil {
				yield(store.RawRow{}, err)
			}
			if err != nil || !more {
				return
			}
			b.ended(r, changes)
			b.all = append(b.all, b.last)
		}
	}
}

// emptyFolder makes a folder, or wants it to be empty.
func emptyFolder(dir string) (made bool, err error) {
	err = os.Mkdir(dir, 0o700)
	if err == nil {
		return true, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return true, os.MkdirAll(dir, 0o700)
	}
	found, unread := os.ReadDir(dir)
	if unread != nil {
		return false, unread
	}
	found = slices.DeleteFunc(found, func(f fs.DirEntry) bool { return f.Name() == "lost+found" }) // of a volume
	if len(found) > 0 {
		return false, fmt.Errorf("%s is not empty (%s is there): a server is restored into an empty folder only", dir, found[0].Name())
	}
	return false, nil
}

// emptied takes away what a restore that failed has put into a folder.
func emptied(dir string, made bool) error {
	if made {
		return os.RemoveAll(dir)
	}
	err := error(nil)
	for _, name := range []string{Store, RootSecret, CRAMSecret, TLS, Unfinished} {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, name)))
	}
	return err
}

// finish moves what was restored into the folder. It is served by nobody until the
// unfinished folder is gone, which comes last.
func finish(dir string) error {
	unfinished := filepath.Join(dir, Unfinished)
	found, err := os.ReadDir(unfinished)
	if err != nil {
		return err
	}
	for _, f := range found {
		if err := os.Rename(filepath.Join(unfinished, f.Name()), filepath.Join(dir, f.Name())); err != nil {
			return err
		}
	}
	if err := syncFolder(dir); err != nil {
		return err
	}
	if err := os.Remove(unfinished); err != nil {
		return err
	}
	return syncFolder(dir)
}

func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
