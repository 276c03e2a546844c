// What was deleted on the page while the server does not know of it yet.

function marks() {
  const marked = new Map();
  const entry = (gallery, id) => `${gallery}/${id}`;
  return {
    has: (gallery, id) => marked.has(entry(gallery, id)),
    add: (gallery, id, faces = 1) => marked.set(entry(gallery, id), { gallery, faces }),
    remove: (gallery, id) => marked.delete(entry(gallery, id)),
    /// How many of a gallery there are, and how many faces go with them.
    count(gallery) {
      const own = [...marked.values()].filter((mark) => mark.gallery === gallery);
      return { n: own.length, faces: own.reduce((sum, mark) => sum + mark.faces, 0) };
    },
  };
}

export const deletedSubjects = marks();
export const deletedFaces = marks();
