// Reads one quantity a line and says what Kubernetes' own library makes of it: its value in billionths, its canonical
// spelling, and its value as a resource list holds it (in thousandths); "-" for what it refuses. A line that begins
// with "duration " is a Go duration: its nanoseconds and its canonical spelling.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"gopkg.in/inf.v0"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var text string
		if err := json.Unmarshal(lines.Bytes(), &text); err != nil {
			panic(err)
		}
		if rest, ok := strings.CutPrefix(text, "duration "); ok {
			if parsed, err := time.ParseDuration(rest); err != nil {
				fmt.Println("-")
			} else {
				fmt.Println(parsed.Nanoseconds(), parsed)
			}
			continue
		}
		fmt.Println(quantity(text))
	}
}

func quantity(text string) string {
	// as the API server takes it in: blanks around it are dropped before it is parsed
	var parsed resource.Quantity
	quoted, _ := json.Marshal(text)
	if err := parsed.UnmarshalJSON(quoted); err != nil || strings.TrimSpace(text) == "" {
		return "-"
	}
	canonical := parsed.DeepCopy()
	number, _ := canonical.CanonicalizeBytes(nil)
	_, suffix := canonical.CanonicalizeBytes(nil)
	nanos := new(inf.Dec).Mul(parsed.AsDec(), inf.NewDec(1_000_000_000, 0))
	nanos.Round(nanos, 0, inf.RoundExact)
	list := corev1.ResourceList{corev1.ResourceMemory: parsed.DeepCopy()}
	milli := list[corev1.ResourceMemory]
	milli.RoundUp(resource.Milli)
	stored := new(inf.Dec).Mul(milli.AsDec(), inf.NewDec(1_000_000_000, 0))
	stored.Round(stored, 0, inf.RoundExact)
	return fmt.Sprintf("%s %s%s %s", nanos, number, suffix, stored)
}
