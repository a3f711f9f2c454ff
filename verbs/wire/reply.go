package wire

import (
	"encoding/json"
	"errors"
	"strings"
)

// ErrUnexpected means that what came is no reply of this protocol, or none that was asked for.
var ErrUnexpected = errors.New("unexpected reply")

// Error is an error reply, whichever of the three shapes it had.
type Error struct {
	Code string // "AT0015"; "" when the reply names none
	Text string
}

func (e *Error) Error() string {
	if e.Code == "" {
		return "error reply: " + e.Text
	}
	return e.Code + ": " + e.Text
}

// ParseReply reads one reply, without its LF, with or without prompts in front. It returns the payload: what follows
// "data:" exactly as sent, blanks included, or, for the reply to pol, the bare prompt "@bob@". An error reply is an
// *Error, anything else ErrUnexpected.
func ParseReply(line string) (string, error) {
	line = strings.TrimSuffix(line, "\r")
	rest := cutPrompts(line)
	if payload, ok := strings.CutPrefix(rest, "data:"); ok {
		return payload, nil
	}
	if text, ok := strings.CutPrefix(rest, "error:"); ok {
		return "", parseError(text)
	}
	if sign := provenPrompt(line); sign != "" {
		return sign, nil
	}
	return "", ErrUnexpected
}

// parseError reads what follows "error:".
func parseError(text string) *Error {
	if strings.HasPrefix(text, "{") {
		var body struct {
			Code string `json:"errorCode"`
			Text string `json:"errorDescription"`
		}
		if json.Unmarshal([]byte(text), &body) == nil {
			return &Error{body.Code, body.Text}
		}
	}
	end := strings.IndexAny(text, "-:")
	if end < 0 {
		if isCode(text) {
			return &Error{Code: text}
		}
		return &Error{Text: text}
	}
	if !isCode(text[:end]) {
		return &Error{Text: text}
	}
	return &Error{text[:end], strings.TrimSpace(text[end+1:])}
}

func isCode(s string) bool {
	digits, ok := strings.CutPrefix(s, "AT")
	return ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}

// cutPrompts removes prompts ("@", "@alice@") in front of a reply or a notification; without one behind them the line
// stays as it is.
func cutPrompts(line string) string {
	rest := line
	for {
		if startsReply(rest) {
			return rest
		}
		at := strings.IndexByte(rest, '@')
		if at < 0 || !strings.HasPrefix(line, "@") {
			return line
		}
		rest = rest[at+1:]
	}
}

func startsReply(s string) bool {
	return strings.HasPrefix(s, "data:") || strings.HasPrefix(s, "error:") || strings.HasPrefix(s, "notification:")
}

// provenPrompt returns the last prompt with a name in a line made of prompts only: the answer to a successful pol.
func provenPrompt(line string) string {
	body, ok := strings.CutSuffix(line, "@")
	if !ok || !strings.HasPrefix(body, "@") || strings.ContainsAny(line, ": ") {
		return ""
	}
	name := body[strings.LastIndexByte(body, '@')+1:]
	if name == "" {
		return ""
	}
	return "@" + name + "@"
}
