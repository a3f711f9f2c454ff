package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestStartValidate(t *testing.T) {
	for _, test := range []struct {
		c  startCmd
		ok bool
	}{
		{startCmd{Records: 1, Rounds: 1}, true}, {startCmd{Records: 0, Rounds: 1}, false}, {startCmd{Records: 1, Rounds: 0}, false},
		{startCmd{Records: 2_000_000, Rounds: 1}, false}, {startCmd{Records: 1, Rounds: 101}, false},
	} {
		if err := test.c.Validate(); (err == nil) != test.ok {
			t.Errorf("%+v: %v", test.c, err)
		}
	}
}

func TestStartTable(t *testing.T) {
	var got bytes.Buffer
	r := startReport{Rounds: 3, Opening: []opening{{"kill -9", spread{100, 90, 150}}}}
	if err := r.writeTable(&got); err != nil || !strings.Contains(got.String(), "\nkill -9                                100 ms        90–150\n") {
		t.Errorf("%v\n%s", err, &got)
	}
}
