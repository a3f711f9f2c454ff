package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// What a data folder holds, and a copy of it.
const (
	Store      = "store"       // folder of the store
	RootSecret = "root.secret" // mostly; may be kept elsewhere
	CRAMSecret = "cram.secret" // while it waits for its owner
	TLS        = "tls"         // folder of the certificate authority of our own making, if there is one
)

// Unfinished is the folder in a data folder in which a restore is under way.
const Unfinished = "restore.unfinished"

// CheckFinished refuses a data folder in which a restore was interrupted.
func CheckFinished(dir string) error {
	if _, err := os.Lstat(filepath.Join(dir, Unfinished)); err == nil {
		return fmt.Errorf("a restore into %s did not come to its end: empty the folder and restore again", dir)
	}
	return nil
}

// files reads the small files of a data folder.
func files(dir, rootSecret string) (all []File, err error) {
	if rootSecret == "" {
		rootSecret = filepath.Join(dir, RootSecret)
	}
	read := func(name, from string) {
		content, e := os.ReadFile(from)
		mode := os.FileMode(0o600)
		if info, e := os.Stat(from); e == nil {
			mode = info.Mode().Perm() &^ 0o022
		}
		if e == nil {
			all = append(all, File{name, mode, content})
		} else if !errors.Is(e, fs.ErrNotExist) || name == RootSecret {
			err = errors.Join(err, e)
		}
	}
	read(RootSecret, rootSecret)
	read(CRAMSecret, filepath.Join(dir, CRAMSecret))
	entries, e := os.ReadDir(filepath.Join(dir, TLS))
	if e != nil && !errors.Is(e, fs.ErrNotExist) {
		err = errors.Join(err, e)
	}
	for _, f := range entries {
		if f.Type().IsRegular() && filepath.Ext(f.Name()) == ".pem" {
			read(path.Join(TLS, f.Name()), filepath.Join(dir, TLS, f.Name()))
		}
	}
	return all, err
}

// writeFiles puts files into a folder, in place of old ones.
func writeFiles(dir string, files []File, old []File) error {
	for _, f := range old {
		if !slices.ContainsFunc(files, func(g File) bool { return g.Name == f.Name }) {
			if err := os.Remove(filepath.Join(dir, filepath.FromSlash(f.Name))); err != nil {
				return err
			}
		}
	}
	for _, f := range files {
		folder, name := path.Split(f.Name)
		if name == "" || !filepath.IsLocal(f.Name) || folder != "" && folder != TLS+"/" {
			return errEntry
		}
		to := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := writeSynced(to, f); err != nil {
			return err
		}
	}
	return nil
}

func writeSynced(name string, file File) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(file.Content)
	return errors.Join(err, f.Chmod(file.Mode), f.Sync(), f.Close())
}
