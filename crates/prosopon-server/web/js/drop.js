// Dropping onto a part of the page, which shows that it takes what is held over it.

/// `ondrop` is given the event's `DataTransfer`; `shown` is the part that shows it, if not all of `target`.
export function acceptDrops(target, ondrop, shown = target) {
  // Entering a child comes before leaving its parent, hence a count.
  let depth = 0;
  const over = (isOver) => shown.classList.toggle('drop-over', isOver);
  target.addEventListener('dragenter', () => { depth += 1; over(true); });
  target.addEventListener('dragleave', () => { depth -= 1; if (depth === 0) over(false); });
  target.addEventListener('drop', (event) => {
    depth = 0;
    over(false);
    ondrop(event.dataTransfer);
  });
}
