package slots

// OnStep has f called before each change of the file system.
func (d *Dir) OnStep(f func(op, path string)) { d.disk.step = f }
