package main

import (
	"atserver/cmd/console"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// person answers prompts in order, without an echo to look at.
func person(answers ...string) (ask func(string) ([]byte, error), prompts *[]string) {
	prompts = new([]string)
	return func(prompt string) ([]byte, error) {
		*prompts = append(*prompts, prompt)
		if len(answers) == 0 {
			return nil, io.EOF
		}
		answer := answers[0]
		answers = answers[1:]
		return []byte(answer), nil
	}, prompts
}

func TestNewPassphrase(t *testing.T) {
	for name, c := range map[string]struct {
		wanted  bool
		answers []string
		want    string
		refused bool
	}{
		"none":      {false, nil, "", false},
		"twice":     {true, []string{"good one", "good one"}, "good one", false},
		"different": {true, []string{"good one", "god one"}, "", true},
		"empty":     {true, []string{"", ""}, "", true},
		"gone":      {true, []string{"good one"}, "", true},
	} {
		ask, prompts := person(c.answers...)
		got, err := (&globals{Passphrase: c.wanted}).newPassphrase(&console.Console{Ask: ask})
		if string(got) != c.want || (err != nil) != c.refused {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if !c.wanted && len(*prompts) > 0 {
			t.Errorf("%s: asked %q", name, *prompts)
		}
	}
}

func TestSecret(t *testing.T) {
	for name, c := range map[string]struct {
		typed         bool
		input, answer string
		want          string
		refused       bool
	}{
		"asked on a terminal":  {true, "unread", "s3cr3t", "s3cr3t", false},
		"nothing typed":        {true, "", "", "", true},
		"from a pipe":          {false, "s3cr3t\r\n", "unused", "s3cr3t", false},
		"from an empty pipe":   {false, "", "unused", "", true},
		"a line and then some": {false, "s3cr3t\nmore\n", "unused", "", true},
	} {
		ask, prompts := person(c.answer)
		con := &console.Console{In: strings.NewReader(c.input), Typed: c.typed, Ask: ask}
		got, err := enterSecret(con, "", "CRAM secret of @alice: ")
		if string(got) != c.want || (err != nil) != c.refused {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if asked := slices.Equal(*prompts, []string{"CRAM secret of @alice: "}); asked != c.typed {
			t.Errorf("%s: asked %q", name, *prompts)
		}
	}
}

func TestPassphraseIsAsked(t *testing.T) {
	ask, prompts := person("good one")
	con := &console.Console{Ask: ask}
	if got, err := new(globals).passphrase(con, "k.atKeys"); err != nil || string(got) != "good one" {
		t.Errorf("%q, %v", got, err)
	}
	if !slices.Equal(*prompts, []string{"Passphrase of k.atKeys: "}) {
		t.Errorf("asked %q", *prompts)
	}
	if _, err := new(globals).passphrase(con, "k.atKeys"); !errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "--passphrase-file") {
		t.Errorf("without an answer: %v", err)
	}
}
