// Files out of dropped or chosen folders. A picture's folder is taken for the name of the person on it.

const isHidden = (name) => name.startsWith('.') || name === 'Thumbs.db' || name === 'desktop.ini';

/// Leaves out what is certainly no picture; what is unclear is left to the server, which reads more formats than browsers know.
function mayBePicture(file) {
  return !isHidden(file.name) && (file.type === '' || file.type === 'application/octet-stream' || file.type.startsWith('image/'));
}

function sorted(found) {
  const pictures = found.filter(({ file }) => mayBePicture(file));
  pictures.sort((a, b) => (a.folder ?? '').localeCompare(b.folder ?? '') || a.file.name.localeCompare(b.file.name, undefined, { numeric: true }));
  return { pictures, leftOut: found.filter(({ file }) => !mayBePicture(file) && !isHidden(file.name)).map(({ file }) => file.name) };
}

const fileOf = (entry) => new Promise((resolve, reject) => { entry.file(resolve, reject); });

async function entriesOf(folder) {
  const reader = folder.createReader();
  const all = [];
  // Each call gives a part only, until an empty one.
  for (;;) {
    const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
    if (some.length === 0) return all;
    all.push(...some);
  }
}

async function walk(entry, folder, found) {
  if (entry.isFile) found.push({ file: await fileOf(entry), folder });
  else if (!isHidden(entry.name)) {
    for (const child of await entriesOf(entry)) await walk(child, entry.name, found);
  }
}

/// `{pictures: [{file, folder or null}], leftOut: [name]}` of a drop.
export async function droppedFiles(transfer) {
  // The list of items is gone after the first wait.
  const entries = [...transfer.items].filter((item) => item.kind === 'file').map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  const found = [];
  for (const entry of entries) {
    if (entry instanceof File) found.push({ file: entry, folder: null });
    else if (entry) await walk(entry, null, found);
  }
  return sorted(found);
}

/// The same of an `<input type="file">`, with or without `webkitdirectory`.
export function chosenFiles(files) {
  return sorted([...files].map((file) => {
    const path = (file.webkitRelativePath ?? '').split('/');
    return { file, folder: path.length > 1 ? path[path.length - 2] : null };
  }));
}
