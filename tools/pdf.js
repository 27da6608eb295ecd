// Makes everything fit the width of the paper: called with the smallest scale that can be read.
(smallest) => {
  const room = (element) => element.parentElement.clientWidth;

  // A table that would become too small is cut into several, each with the first column.
  function cut(table) {
    const pieces = Math.ceil((table.scrollWidth * smallest) / room(table)) + 1;
    const columns = table.rows[0].cells.length - 1;
    const size = Math.ceil(columns / pieces);
    for (let start = 1; start <= columns; start += size) {
      const piece = table.cloneNode(true);
      for (const row of piece.rows) {
        [...row.cells].forEach((cell, place) => {
          if (place > 0 && (place < start || place >= start + size)) {
            cell.remove();
          }
        });
      }
      table.before(piece);
    }
    table.remove();
  }

  const isPlain = (table) => ![...table.querySelectorAll("[colspan], [rowspan]")].length;
  for (const table of document.querySelectorAll("table")) {
    if (table.scrollWidth * smallest > room(table) && isPlain(table)) {
      cut(table);
    }
  }
  for (const wide of document.querySelectorAll("table, pre, div.math > mjx-container")) {
    if (wide.scrollWidth > room(wide) + 1) {
      wide.style.zoom = room(wide) / wide.scrollWidth;
    }
  }
  return Math.max(document.documentElement.scrollWidth, document.body.scrollWidth);
}
