package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"atserver/cmd/console"
)

type statsCmd struct {
	ID []string `arg:"" optional:"" name:"id" help:"Numbers of what is wanted: 3 is the last commit id. Default: everything."`
}

// overview is how many lines a figure may take that was not asked for.
const overview = 20

// statistic is one figure as the server tells it.
type statistic struct {
	ID    string          `json:"id"`
	Name  string          `json:"name"`
	Value json.RawMessage `json:"value"`
}

func (c *statsCmd) Run(ctx context.Context, con *console.Console, g *globals) error {
	line := "stats"
	if len(c.ID) > 0 {
		line += ":" + strings.Join(c.ID, ",")
	}
	for _, id := range c.ID {
		if strings.Trim(id, "0123456789") != "" {
			return usageError{fmt.Errorf("%q is no number of a statistic; atctl stats --json tells them", id)}
		}
	}
	return g.login(ctx, con, func(ctx context.Context, s session) error {
		reply, err := s.Ask(ctx, line)
		if err != nil {
			return fmt.Errorf("stats: %w", err)
		}
		var list []statistic
		if err := json.Unmarshal([]byte(reply), &list); err != nil {
			return fmt.Errorf("stats: the server sent no list: %w", err)
		}
		var rows [][]string
		for i := range list {
			list[i].Value = unfold(list[i].Value)
			if more := appendRows(rows, 0, list[i].Name, list[i].Value); len(c.ID) > 0 || len(more)-len(rows) <= overview {
				rows = more
				continue
			}
			rows = append(rows, []string{console.Plain(list[i].Name), "much; see atctl stats " + console.Plain(list[i].ID)})
		}
		if g.JSON {
			return con.Print(list)
		}
		return con.Table([]string{"NAME", "VALUE"}, rows)
	})
}

// unfold returns the JSON object, or array, that a text holds. Servers send most of
// theirs as such a text.
func unfold(value json.RawMessage) json.RawMessage {
	var text string
	if json.Unmarshal(value, &text) == nil && (strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[")) && json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	return value
}

// appendRows adds a value to a table of names and values: an object with its members
// below its name, everything else in one cell.
func appendRows(rows [][]string, depth int, name string, value json.RawMessage) [][]string {
	name = strings.Repeat("  ", depth) + console.Plain(name)
	if below := appendMembers(nil, depth+1, value); below != nil {
		return append(append(rows, []string{name, ""}), below...)
	}
	return append(rows, []string{name, console.Plain(cell(value))})
}

// appendMembers adds those of an object, in their order.
func appendMembers(rows [][]string, depth int, object json.RawMessage) [][]string {
	d := json.NewDecoder(bytes.NewReader(object))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return rows
	}
	for d.More() {
		name, err := d.Token()
		var value json.RawMessage
		if err == nil {
			err = d.Decode(&value)
		}
		if err != nil {
			break // it is valid JSON, so that this does not happen
		}
		rows = appendRows(rows, depth, fmt.Sprint(name), value)
	}
	return rows
}

// cell is a value that is no object: text without its quotes, the rest as it is.
func cell(value json.RawMessage) string {
	var text string
	if bytes.HasPrefix(value, []byte(`"`)) && json.Unmarshal(value, &text) == nil {
		return text
	}
	var compact bytes.Buffer
	if json.Compact(&compact, value) != nil {
		return string(value)
	}
	return compact.String()
}
