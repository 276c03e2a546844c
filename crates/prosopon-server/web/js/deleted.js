// What was deleted on the page while the server does not know of it yet.

const subjects = new Set();
const faces = new Set();

const entry = (gallery, id) => `${gallery}/${id}`;

function marks(set) {
  return {
    has: (gallery, id) => set.has(entry(gallery, id)),
    add: (gallery, id) => set.add(entry(gallery, id)),
    remove: (gallery, id) => set.delete(entry(gallery, id)),
  };
}

export const deletedSubjects = marks(subjects);
export const deletedFaces = marks(faces);
