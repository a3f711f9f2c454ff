package console

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

var oneLine = strings.NewReplacer("\n", " ", "\t", " ")

// Plain is text from elsewhere for the middle of a line.
func Plain(text string) string { return oneLine.Replace(Tame(text)) }

// Rights spells namespaces and the access to them the way they are asked for.
func Rights[A ~string](namespaces map[string]A) string {
	words := make([]string, 0, len(namespaces))
	for _, namespace := range slices.Sorted(maps.Keys(namespaces)) {
		words = append(words, namespace+":"+string(namespaces[namespace]))
	}
	return strings.Join(words, " ")
}

// Span says how long a time is, in one unit.
func Span(d time.Duration) string {
	const day = 24 * time.Hour
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{365 * day, "y"}, {day, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if d >= 2*unit.size || d == unit.size {
			return fmt.Sprintf("%d%s", d/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%ds", d/time.Second)
}

// When says how far a time is from now; a time that is not known is "?".
func When(t, now time.Time) string {
	switch d := now.Sub(t); {
	case t.IsZero():
		return "?"
	case d >= 0:
		return Span(d) + " ago"
	default:
		return "in " + Span(-d)
	}
}
