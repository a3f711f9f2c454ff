package console

import (
	"strings"
	"unicode/utf8"
)

// ANSI codes that Paint takes.
const (
	Yellow = "33"
	Red    = "31"
	Grey   = "90"

	bold = "1"
)

// gap stands between two columns.
const gap = "  "

// Table prints aligned columns under a heading, unless that is blank, each row in the colour that colour
// gives for it, if any. On a terminal that is too narrow the widest columns are
// cut; elsewhere nothing is.
func (con *Console) Table(head []string, rows [][]string, colour ...func(row int) string) error {
	widths := make([]int, len(head))
	for _, row := range append([][]string{head}, rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	if con.Shown && con.Width > 0 {
		shrink(widths, con.Width-len(gap)*(len(head)-1))
	}
	var out strings.Builder
	if strings.Join(head, "") != "" {
		out.WriteString(Paint(con.Colour, bold, line(head, widths)) + "\n")
	}
	for i, row := range rows {
		code := ""
		if len(colour) > 0 {
			code = colour[0](i)
		}
		out.WriteString(Paint(con.Colour && code != "", code, line(row, widths)) + "\n")
	}
	_, err := con.Out.Write([]byte(out.String()))
	return err
}

// shrink takes from the widest columns, bit by bit, until all fit, as long as any
// has more than a few characters.
func shrink(widths []int, fit int) {
	for {
		sum, widest := 0, 0
		for i, w := range widths {
			sum += w
			if w > widths[widest] {
				widest = i
			}
		}
		if sum <= fit || widths[widest] <= 8 {
			return
		}
		widths[widest]--
	}
}

// line pads the cells of a row, as far as something follows.
func line(row []string, widths []int) string {
	var text strings.Builder
	for i, cell := range row {
		cell = cut(Tame(cell), widths[i])
		text.WriteString(cell)
		if i < len(row)-1 {
			text.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)) + gap)
		}
	}
	return strings.TrimRight(text.String(), " ")
}

// cut shortens text to a number of characters.
func cut(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:width-1]) + "…"
}

// Paint puts text in the colours or weight of an ANSI code, if wanted.
func Paint(wanted bool, code, text string) string {
	if !wanted {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
