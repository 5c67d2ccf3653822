package layout

import (
	"slices"

	"tilld/printer"
)

// column is one cell of a row on its way to the paper.
type column struct {
	text  []char
	width int // columns
	align printer.Align
	keep  bool
}

// columns lays out one row of a table.
func (c *composer) columns(b printer.Columns) error {
	list := make([]column, 0, len(b.Cells))
	for _, cell := range b.Cells {
		text := c.chars(cell.Spans, cell.Text, Style{Bold: cell.Bold})
		if cell.Keep {
			text = slices.DeleteFunc(text, func(x char) bool { return x.r == '\n' })
		}
		list = append(list, column{
			text:  text,
			width: min(max(cell.Width, 0), c.page.Caps.Columns), align: cell.Align, keep: cell.Keep,
		})
	}
	if most := maxCells(c.page.Caps.Columns, b.Border); len(list) > most {
		list = list[:most]
	}
	if len(list) == 0 {
		return nil
	}
	below, err := c.fit(list, b)
	if err != nil {
		return err
	}
	c.cells(list, b)
	for _, cell := range below {
		c.addText(place(cell.text, c.page.Caps.Columns, printer.Right))
	}
	return nil
}

// maxCells is how many cells of one column fit on the paper.
func maxCells(columns int, b printer.Border) int {
	switch b {
	case printer.Lines:
		return (columns - 1) / 2
	case printer.NoGap:
		return columns
	case printer.WideGap:
		return (columns + 2) / 3
	}
	return (columns + 1) / 2
}

// borders is how many columns go to what stands between n cells.
func borders(n int, b printer.Border) int {
	switch b {
	case printer.Lines:
		return n + 1
	case printer.NoGap:
		return 0
	case printer.WideGap:
		return 2 * (n - 1)
	}
	return n - 1
}

// fit gives every cell its width. Fixed cells that are too wide together shrink,
// the widest first; flexible ones share what is left, odd columns going to the
// last. Then cells that must be kept whole take what they need from the others;
// those that still do not fit are emptied and returned, to go on rows of their
// own below.
func (c *composer) fit(list []column, b printer.Columns) (below []column, err error) {
	room := c.page.Caps.Columns - borders(len(list), b.Border)
	flexible := 0
	free := room
	for _, cell := range list {
		if cell.width == 0 {
			flexible++
		}
		free -= cell.width
	}
	for free < flexible {
		widest := 0
		for i := range list {
			if list[i].width >= list[widest].width {
				widest = i
			}
		}
		list[widest].width--
		free++
	}
	shared := make([]int, 0, flexible)
	for i := range list {
		if list[i].width == 0 {
			list[i].width = (free + len(shared)) / flexible
			shared = append(shared, i)
		}
	}
	if !b.AnyBreak {
		even(list, shared)
	}
	for i := range list {
		for list[i].keep && rowColumns(list[i].text) > list[i].width {
			giver := -1
			for j := range list {
				if !list[j].keep && list[j].width > 1 && (giver < 0 || list[j].width > list[giver].width) {
					giver = j
				}
			}
			if giver < 0 {
				break
			}
			list[giver].width--
			list[i].width++
		}
	}
	for i := range list {
		need := rowColumns(list[i].text)
		if !list[i].keep || need <= list[i].width {
			continue
		}
		if need > c.page.Caps.Columns || b.Border == printer.Lines {
			return nil, refuse("an amount of %d columns on a paper of %d", need, c.page.Caps.Columns)
		}
		below = append(below, list[i])
		list[i].text = nil
	}
	return below, nil
}

// even moves room among cells that share it, from those whose text leaves some
// to those whose text would be wrapped.
func even(list []column, shared []int) {
	for _, i := range shared {
		for rowColumns(list[i].text) > list[i].width {
			giver, most := -1, 0
			for _, j := range shared {
				if spare := list[j].width - max(rowColumns(list[j].text), 1); spare > most {
					giver, most = j, spare
				}
			}
			if giver < 0 {
				return
			}
			list[giver].width--
			list[i].width++
		}
	}
}

// cells wraps the cells and adds the rows of the table.
func (c *composer) cells(list []column, b printer.Columns) {
	total := borders(len(list), b.Border)
	rows := make([][][]char, len(list))
	high := 1
	for i, cell := range list {
		total += cell.width
		switch {
		case cell.keep:
			rows[i] = [][]char{cell.text}
		default:
			rows[i] = wrap(cell.text, cell.width, b.AnyBreak)
		}
		high = max(high, len(rows[i]))
	}
	if b.NoWrap {
		high = 1
	}
	left := 0
	switch space := c.page.Caps.Columns - total; b.Align {
	case printer.Center:
		left = space / 2
	case printer.Right:
		left = space
	}
	if b.Border == printer.Lines {
		c.openBox(list, left)
	}
	for y := range high {
		row := blanks(left)
		for i, cell := range list {
			row = append(row, between(i, b.Border)...)
			var text []char
			if y < len(rows[i]) {
				text = rows[i][y]
			}
			row = append(row, place(text, cell.width, cell.align)...)
		}
		if b.Border == printer.Lines {
			row = append(row, between(0, b.Border)...)
			c.add(TextRow{Runs: runs(row), Ruled: true})
			continue
		}
		c.addText(row)
	}
}

// between is what stands to the left of cell i.
func between(i int, b printer.Border) []char {
	switch {
	case b == printer.Lines:
		return []char{{'│', Style{Width: 1, Height: 1}, 1}}
	case b == printer.NoGap || i == 0:
		return nil
	case b == printer.WideGap:
		return blanks(2)
	}
	return blanks(1)
}
