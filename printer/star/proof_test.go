package star

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// A printer that prints late, all at once, or forgets everything when its power
// goes: what is proved is on paper, whatever happens in between.
func TestETBProvesOnlyWhatIsPrinted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var (
			p       = proof{kind: "etb", count: -1}
			queue   []string // what the printer has not executed: a job's mark, "count" or "clear"
			printed = map[string]bool{}
			counter = rapid.IntRange(0, 31).Draw(t, "counter")
			jobs    int
		)
		poll := func() {
			mark := p.mark
			if p.counted(counter, true) && !printed[mark] {
				t.Fatalf("%s is said to be on paper; in the printer %q, counter %d, %+v", mark, queue, counter, p)
			}
		}
		poll()
		t.Repeat(map[string]func(*rapid.T){
			"job": func(t *rapid.T) {
				poll() // as Print does
				jobs++
				mark := fmt.Sprintf("%04d", jobs)
				before, after := p.begin(mark, true)
				if len(before) > 0 {
					queue = append(queue, "clear")
				}
				queue = append(queue, mark)
				for range after {
					queue = append(queue, "count")
				}
			},
			"print": func(t *rapid.T) {
				for range rapid.IntRange(1, 10).Draw(t, "steps") {
					if len(queue) == 0 {
						return
					}
					switch queue[0] {
					case "count":
						counter = (counter + 1) % 32
					case "clear":
						counter = 0
					default:
						printed[queue[0]] = true
					}
					queue = queue[1:]
				}
			},
			"power":  func(*rapid.T) { queue, counter = nil, 0 },
			"status": func(*rapid.T) { poll() },
		})
	})
}

// When nothing goes wrong every job is proved, round after round.
func TestETBProvesEveryJob(t *testing.T) {
	for first := range 32 {
		p := proof{kind: "etb", count: -1}
		counter := first
		p.counted(counter, true)
		for job := range 100 {
			before, after := p.begin(fmt.Sprintf("%04d", job), true)
			if len(before) > 0 {
				counter = 0
				p.counted(counter, true)
			}
			counter = (counter + len(after)) % 32
			if !p.counted(counter, true) {
				t.Fatalf("from %d: job %d is not proved: %+v", first, job, p)
			}
		}
	}
}
