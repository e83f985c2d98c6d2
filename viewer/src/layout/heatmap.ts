// The geometry of a heatmap: whole pixels for each cell, labels where they fit.

export interface HeatmapLayout {
  cellWidth: number;
  cellHeight: number;
  left: number;
  top: number;
  width: number;
  height: number;
  /** Rows and columns that get a label. */
  rowStep: number;
  columnStep: number;
}

export function placeHeatmap(rows: number, columns: number, bits: number, room: { width: number; height: number }): HeatmapLayout {
  const left = 14 + 7 * Math.max(2, bits);
  const square = rows === columns;
  const top = square ? 12 + 7 * bits : 24;
  const most = square ? 34 : 46;
  let cellWidth = Math.min(most, (room.width - left - 8) / columns);
  let cellHeight = Math.min(square ? 34 : 24, (room.height - top - 8) / rows);
  if (square) cellWidth = cellHeight = Math.min(cellWidth, cellHeight);
  cellWidth = cellWidth >= 2 ? Math.floor(cellWidth) : Math.max(1, cellWidth);
  cellHeight = cellHeight >= 2 ? Math.floor(cellHeight) : Math.max(1, cellHeight);
  return {
    cellWidth,
    cellHeight,
    left,
    top,
    width: left + cellWidth * columns + 8,
    height: top + cellHeight * rows + 8,
    rowStep: labelStep(cellHeight),
    columnStep: labelStep(cellWidth),
  };
}

/** Every how manieth label is shown where each needs eleven pixels: a power of two. */
function labelStep(cell: number): number {
  let step = 1;
  while (step * cell < 11) step *= 2;
  return step;
}

/** The cell under a point, or null beside the map. */
export function cellAt(
  layout: HeatmapLayout,
  rows: number,
  columns: number,
  x: number,
  y: number,
): { row: number; column: number } | null {
  const column = Math.floor((x - layout.left) / layout.cellWidth);
  const row = Math.floor((y - layout.top) / layout.cellHeight);
  return row >= 0 && row < rows && column >= 0 && column < columns ? { row, column } : null;
}
