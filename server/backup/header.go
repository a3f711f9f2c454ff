package backup

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"atserver/store/atkey"
)

const (
	format  = "atserver-backup"
	version = 1

	maxHeader = 4096 // bytes
)

// Header says what a copy is. Everybody who sees the copy can read it.
type Header struct {
	Format    string     `json:"format"`
	Version   int        `json:"version"`
	Sign      atkey.Sign `json:"atsign"`
	Made      time.Time  `json:"made"`
	Parent    string     `json:"parent,omitempty"` // checksum of the copy that this one continues, "" if it holds everything
	Mark      string     `json:"mark"`             // of the store, to be continued from
	Encrypted bool       `json:"encrypted"`
}

// readHeader reads the first line.
func readHeader(r *bufio.Reader) (h Header, line []byte, err error) {
	for len(line) == 0 || line[len(line)-1] != '\n' {
		c, err := r.ReadByte()
		if errors.Is(err, io.EOF) || len(line) == maxHeader {
			return h, nil, errors.New("is no copy of an atserver")
		}
		if err != nil {
			return h, nil, err
		}
		line = append(line, c)
	}
	if err := json.Unmarshal(line, &h); err != nil || h.Format != format {
		return h, nil, errors.New("is no copy of an atserver")
	}
	if h.Version != version {
		return h, nil, fmt.Errorf("has format %d, this program knows %d", h.Version, version)
	}
	if sign, err := atkey.ParseSign(string(h.Sign)); err != nil || sign != h.Sign {
		return h, nil, errors.New("is damaged: its first line names no atSign")
	}
	return h, line, nil
}
