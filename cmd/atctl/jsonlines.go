package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
)

// jsonLines writes JSON, a value a line.
type jsonLines struct {
	*bufio.Writer
	*json.Encoder
}

func newJSONLines(w io.Writer) jsonLines {
	out := bufio.NewWriter(w)
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	return jsonLines{out, e}
}

// marshal is json.Marshal that leaves <, > and & as they are.
func marshal(value any) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	err := e.Encode(value)
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), err
}
