package layout

import "slices"

// openBox draws the line above a ruled row whose cells begin after left columns:
// the top of a box, or a joint with the row above if one is wanted.
func (c *composer) openBox(list []column, left int) {
	edges := []int{left}
	at := left
	for _, cell := range list {
		at += 1 + cell.width
		edges = append(edges, at)
	}
	if c.box == nil || c.joint {
		c.add(horizontal(c.box, edges))
	}
	c.box, c.joint = edges, false
}

// closeBox draws the bottom of an open box.
func (c *composer) closeBox() {
	if c.box != nil {
		c.add(horizontal(c.box, nil))
	}
	c.box, c.joint = nil, false
}

// horizontal is a line between rows with vertical lines at above and at below.
func horizontal(above, below []int) TextRow {
	first, last := ends(above, below)
	row := blanks(first)
	for x := first; x <= last; x++ {
		r := joint(slices.Contains(above, x), slices.Contains(below, x), x > first, x < last)
		row = append(row, char{r, Style{Width: 1, Height: 1}, 1})
	}
	return TextRow{Runs: runs(row), Ruled: true, Thin: true}
}

func ends(above, below []int) (first, last int) {
	all := slices.Concat(above, below)
	return slices.Min(all), slices.Max(all)
}

// joint returns the box character with arms up, down, left and right.
func joint(up, down, left, right bool) rune {
	i := 0
	for bit, on := range []bool{up, down, left, right} {
		if on {
			i |= 1 << bit
		}
	}
	return [16]rune{' ', '│', '│', '│', '─', '┘', '┐', '┤', '─', '└', '┌', '├', '─', '┴', '┬', '┼'}[i]
}

// arms is the inverse of joint; false for any other character.
func arms(r rune) (up, down, left, right, ok bool) {
	switch r {
	case '│':
		return true, true, false, false, true
	case '─':
		return false, false, true, true, true
	case '┘':
		return true, false, true, false, true
	case '┐':
		return false, true, true, false, true
	case '┤':
		return true, true, true, false, true
	case '└':
		return true, false, false, true, true
	case '┌':
		return false, true, false, true, true
	case '├':
		return true, true, false, true, true
	case '┴':
		return true, false, true, true, true
	case '┬':
		return false, true, true, true, true
	case '┼':
		return true, true, true, true, true
	}
	return false, false, false, false, false
}
