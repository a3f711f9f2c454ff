package atkey

import (
	"strings"
	"testing"
)

func TestParseSign(t *testing.T) {
	for text, want := range map[string]Sign{
		"alice": "@alice", "@alice": "@alice", "@Colin.Constable": "@colinconstable", "@🦄": "@🦄", "@al.ic.e": "@alice",
		"@" + strings.Repeat("a", 55): Sign("@" + strings.Repeat("a", 55)),
	} {
		if got, err := ParseSign(text); err != nil || got != want {
			t.Errorf("ParseSign(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"":                      "invalid @sign: must include one @ character and at least one character on the right",
		"@":                     "invalid @sign: must include one @ character and at least one character on the right",
		"@...":                  "invalid @sign: must include one @ character and at least one character on the right",
		"@@alice":               "invalid @sign: Cannot Contain more than one @ character",
		"@al@ice":               "invalid @sign: Cannot Contain more than one @ character",
		"@al ice":               "invalid @sign: Cannot Contain whitespace characters",
		"@al\u3000ice":          "invalid @sign: Cannot Contain whitespace characters",
		"@al\x00ice":            "invalid @sign: must not include control characters",
		"@al\u2400ice":          "invalid @sign: must not include control characters",
		"@al\xffice":            "invalid @sign: must not include control characters",
		"@al:ice":               "invalid @sign: Cannot contain !*'`();:&=+$,/?#[]{} characters",
		"@al{ice":               "invalid @sign: Cannot contain !*'`();:&=+$,/?#[]{} characters",
		strings.Repeat("a", 56): "invalid @sign: must not be longer than 55 characters",
	} {
		if got, err := ParseSign(text); err == nil || err.Error() != want || got != "" {
			t.Errorf("ParseSign(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
}

func FuzzParseSign(f *testing.F) {
	for _, seed := range []string{"alice", "@Al.Ice", "@🦄", "@@", "\u2126"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		sign, err := ParseSign(text)
		if err != nil {
			return
		}
		if again, err := ParseSign(string(sign)); err != nil || again != sign {
			t.Fatalf("ParseSign(%q) = %q, then %q, %v", text, sign, again, err)
		}
		if again, err := ParseSign(sign.Bare()); err != nil || again != sign {
			t.Fatalf("bare %q gives %q, %v", sign.Bare(), again, err)
		}
	})
}
