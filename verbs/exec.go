package verbs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"

	"atserver/enroll"
)

// Set is the verbs that a server understands. It is not changed once made.
type Set struct{ byName map[string]*Verb }

// NewSet makes a set. Two verbs of one name end the program at start.
func NewSet(verbs []Verb) *Set {
	s := &Set{byName: make(map[string]*Verb, len(verbs))}
	for i := range verbs {
		v := &verbs[i]
		if v.run == nil || s.byName[v.Name] != nil {
			panic(fmt.Sprintf("verb %q is not defined or defined twice", v.Name))
		}
		s.byName[v.Name] = v
	}
	return s
}

// Names returns the names of all verbs, sorted.
func (s *Set) Names() []string { return slices.Sorted(maps.Keys(s.byName)) }

// Command is a line that has found its verb.
type Command struct {
	verb *Verb
	rest string
}

// Slow reports whether executing may wait for something other than the store, so
// that answers which are ready should leave first.
func (c Command) Slow() bool { return c.verb != nil && c.verb.Slow != nil && c.verb.Slow(c.rest) }

// Name is the verb's name, for logs; "" if the line names none.
func (c Command) Name() string {
	if c.verb == nil {
		return ""
	}
	return c.verb.Name
}

// Find looks the verb of a line up. A line that names none is found, too: Exec
// answers it.
func (s *Set) Find(line string) Command {
	line = normalise(line)
	word := letters(line)
	rest := line[len(word):]
	if word == "notify" && hasFold(rest, ":list ") { // what follows the blank means nothing
		rest = rest[:len(":list")]
	}
	if second, after, ok := secondWord(rest); ok {
		if word != "enroll" { // whose operations are words in lower case
			second = strings.ToLower(second)
		}
		if v := s.byName[word+":"+second]; v != nil {
			return Command{v, after}
		}
	}
	v := s.byName[word]
	for _, name := range [...]string{"scan", "stats"} { // whatever begins so is one, if a wrong one
		if v == nil && strings.HasPrefix(line, name) {
			v, rest = s.byName[name], line[len(name):]
		}
	}
	if v != nil && (v.Bare || strings.HasPrefix(rest, ":")) {
		return Command{v, rest}
	}
	return Command{rest: line}
}

// maxSecondWord is as long as the second word of a verb's name may be.
const maxSecondWord = 16

// secondWord cuts the word behind a colon off, if what follows it can follow a
// name.
func secondWord(rest string) (word, after string, ok bool) {
	if !strings.HasPrefix(rest, ":") {
		return "", "", false
	}
	end := 1
	for end < len(rest) && end <= maxSecondWord && rest[end] != ':' && rest[end] != '{' {
		end++
	}
	return rest[1:end], rest[end:], end == len(rest) || end <= maxSecondWord
}

// Exec executes one command: the whole life of it, for every door.
func (s *Set) Exec(ctx context.Context, env *Env, session *Session, cmd Command) (reply Reply, err error) {
	defer func() {
		if p := recover(); p != nil {
			env.Log.Error().Str("verb", cmd.Name()).Str("session", session.ID).
				Interface("panic", p).Bytes("stack", debug.Stack()).Msg("Command panicked")
			reply, err = Reply{}, ErrPanic
		}
	}()
	if cmd.verb == nil {
		if isHTTP(cmd.rest) {
			return Reply{}, &Error{Code: "AT0003", Message: "HTTP requests must negotiate ALPN http/1.1", Close: true}
		}
		if strings.HasPrefix(cmd.rest, "stream:") {
			return Reply{}, syntaxError("stream is not supported by this server")
		}
		return Reply{}, invalidCommand()
	}
	if err := admit(env, session, cmd.verb); err != nil {
		return Reply{}, err
	}
	if reply, err = cmd.verb.run(&Call{ctx, env, session, s}, cmd.rest); err == nil {
		return reply, nil
	}
	var refusal *enroll.Refusal
	if errors.As(err, &refusal) {
		err = notAllowed(refused(refusal, cmp.Or(cmd.verb.Act, cmd.verb.Name)))
		if session.owner() {
			if failed := env.Registry.Denied(refusal, cmd.verb.Name, session.From); failed != nil {
				err = failed
			}
		}
	}
	if e := asError(err); e.Cause != nil {
		env.Log.Error().Str("verb", cmd.verb.Name).Str("session", session.ID).Err(e.Cause).Msg("Command failed")
	}
	return reply, err
}

// admit judges by the kind of the caller alone, before a command is even parsed.
func admit(env *Env, s *Session, v *Verb) error {
	err := env.Registry.Check(s.Principal)
	if err != nil && s.Principal.Kind == enroll.CRAM { // the secret was put away meanwhile
		s.Principal, err = enroll.Principal{Kind: enroll.Anonymous}, nil
	}
	kind := s.Principal.Kind
	admitted := v.Who&kind != 0 || kind == enroll.CRAM && env.TestingMode && v.Who&enroll.App != 0
	if !admitted && kind == enroll.CRAM {
		return notAllowed("a CRAM connection may only bootstrap: enroll an app and log in by PKAM")
	}
	if !admitted {
		return notAuthenticated("Command cannot be executed without auth")
	}
	return err
}

// isHTTP recognises a request of a browser that did not say that it speaks HTTP.
func isHTTP(line string) bool {
	return strings.HasSuffix(line, " http/1.1") || strings.HasSuffix(line, " HTTP/1.1") || strings.HasSuffix(line, " HTTP/1.0") ||
		strings.HasSuffix(line, " http/1.0")
}
