package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/pb"
	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/badger/v4/y"
	"google.golang.org/protobuf/proto"
)

// checkFiles looks for damage before Badger does, which would end the process,
// or go on without a table and say so in the log. It reads what Badger is going to
// read anyway: the list of tables and the index of each. Blocks have checksums,
// verified whenever one is read.
func checkFiles(dir string, o badger.Options) error {
	for _, name := range []string{badger.ManifestFilename, badger.KeyRegistryFileName} {
		if _, err := os.Stat(filepath.Join(dir, name)); errors.Is(err, fs.ErrNotExist) {
			return checkNew(dir, name)
		}
	}
	f, err := os.Open(filepath.Join(dir, badger.ManifestFilename))
	if err != nil {
		return err
	}
	defer f.Close()
	manifest, _, err := badger.ReplayManifestFile(f, o.ExternalMagicVersion, o)
	if err != nil {
		return fmt.Errorf("%s is damaged: %s", f.Name(), oneLine(err.Error()))
	}
	for id := range manifest.Tables {
		if err := checkTable(table.NewFilename(id, dir)); err != nil {
			return err
		}
	}
	return nil
}

// checkNew refuses to begin a database among the remains of another.
func checkNew(dir, missing string) error {
	files, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, f := range files {
		switch filepath.Ext(f.Name()) {
		case ".sst", ".mem", ".vlog":
			return fmt.Errorf("%s is damaged: %s is missing", dir, missing)
		}
	}
	return nil
}

// checkTable verifies the end of a table file: index, its length, the checksum
// of the index, its length.
func checkTable(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	end := info.Size()
	tail := func(n int64) []byte {
		if n < 0 || n > end {
			return nil
		}
		end -= n
		b := make([]byte, n)
		if _, err := f.ReadAt(b, end); err != nil {
			return nil
		}
		return b
	}
	length := func() int64 {
		b := tail(4)
		if b == nil {
			return -1
		}
		return int64(binary.BigEndian.Uint32(b))
	}
	var sum pb.Checksum
	if b := tail(length()); b != nil && proto.Unmarshal(b, &sum) == nil && sum.Algo == pb.Checksum_CRC32C {
		if index := tail(length()); len(index) > 0 && y.VerifyChecksum(index, &sum) == nil {
			return nil
		}
	}
	return fmt.Errorf("%s is damaged", name)
}
