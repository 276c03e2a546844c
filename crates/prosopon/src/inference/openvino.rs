//! Intel's `OpenVINO`, loaded at run time: the fastest engine on x86-64 processors.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use openvino::{
    CompiledModel, Core, DeviceType, ElementType, InferRequest, Model, PartialShape, PropertyKey,
    RwPropertyKey, Shape, Tensor,
};

use super::pool::Pool;
use super::{
    BackendInfo, Engine, InferenceError, InferenceOptions, Network, Output, Precision, first_line,
};

const NAME: &str = "openvino";

pub(super) struct OpenVino {
    core: Arc<Mutex<Core>>,
    streams: usize,
}

pub(super) fn open(options: &InferenceOptions) -> Result<(OpenVino, BackendInfo), InferenceError> {
    let unavailable = |reason: String| InferenceError::BackendUnavailable {
        backend: NAME,
        reason,
    };
    let library = find_library(options.openvino_dir.as_deref())
        .ok_or_else(|| unavailable("its shared libraries were not found".to_owned()))?;
    openvino_sys::library::load_from(library.clone()).map_err(unavailable)?;
    let mut core = Core::new().map_err(|error| unavailable(first_line(error)))?;
    let version = openvino::version()
        .build_number
        .split('-')
        .next()
        .unwrap_or_default()
        .to_owned();

    let device = DeviceType::CPU;
    let capabilities = core
        .get_property(&device, &PropertyKey::DeviceCapabilities)
        .map_err(|error| unavailable(first_line(error)))?;
    let has_bf16 = capabilities.split_whitespace().any(|word| word == "BF16");
    let precision = match options.precision {
        Precision::Bf16 if !has_bf16 => {
            return Err(unavailable(
                "this processor has no bf16 arithmetic".to_owned(),
            ));
        }
        Precision::Auto if !has_bf16 => "f32",
        Precision::F32 => "f32",
        Precision::Auto | Precision::Bf16 => "bf16",
    };
    let (threads, streams) = (options.thread_count(), options.stream_count());
    // The precision is always set: left alone, the engine takes bf16 by itself.
    core.set_properties(
        &device,
        [
            (
                RwPropertyKey::InferenceNumThreads,
                threads.to_string().as_str(),
            ),
            (RwPropertyKey::NumStreams, &streams.to_string()),
            (RwPropertyKey::HintInferencePrecision, precision),
        ],
    )
    .map_err(|error| unavailable(first_line(error)))?;

    let info = BackendInfo {
        name: NAME,
        version,
        precision,
        library: Some(library),
        threads,
        streams,
    };
    let engine = OpenVino {
        core: Arc::new(Mutex::new(core)),
        streams,
    };
    Ok((engine, info))
}

/// The C library in `dir` if one is named, else wherever the system keeps it.
fn find_library(dir: Option<&Path>) -> Option<PathBuf> {
    let name = format!(
        "{}openvino_c{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    );
    match dir {
        Some(dir) => Some(dir.join(name)).filter(|path| path.is_file()),
        None => openvino_sys::library::find(),
    }
}

impl Engine for OpenVino {
    fn load(&self, model: Vec<u8>) -> Result<Box<dyn Network>, InferenceError> {
        let error = |error: openvino::InferenceError| InferenceError::Load {
            backend: NAME,
            reason: first_line(error),
        };
        let mut core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        let graph = core.read_model_from_buffer(&model, None).map_err(error)?;
        if graph.get_inputs_len().map_err(error)? != 1 {
            return Err(InferenceError::NotOnnx);
        }
        let outputs = (0..graph.get_outputs_len().map_err(error)?)
            .map(|i| graph.get_output_by_index(i)?.get_name())
            .collect::<Result<_, _>>()
            .map_err(error)?;
        Ok(Box::new(OpenVinoNetwork {
            core: Arc::clone(&self.core),
            streams: self.streams,
            graph: Mutex::new(graph),
            outputs,
            shapes: RwLock::default(),
        }))
    }
}

struct OpenVinoNetwork {
    core: Arc<Mutex<Core>>,
    streams: usize,
    /// The network without code. Reading it for each shape would take up to a fourth of the time of compiling.
    graph: Mutex<Model>,
    outputs: Vec<String>,
    /// Code is generated for fixed shapes; each is compiled when first met.
    shapes: RwLock<Vec<Arc<Shaped>>>,
}

/// The network for one shape of its input.
struct Shaped {
    shape: [usize; 4],
    /// Locked while it is compiled, which takes as long as several runs: only those who want this shape wait.
    compiled: Mutex<Option<Arc<Compiled>>>,
}

struct Compiled {
    requests: Pool<Request>,
    /// Kept for the requests' sake; the lock only makes it shareable.
    _model: Mutex<CompiledModel>,
}

struct Request {
    request: InferRequest,
    input: Tensor,
}

impl OpenVinoNetwork {
    fn compiled(&self, shape: [usize; 4]) -> Result<Arc<Compiled>, InferenceError> {
        let shaped = self.shaped(shape);
        let mut compiled = shaped
            .compiled
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(compiled) = &*compiled {
            return Ok(Arc::clone(compiled));
        }
        let new = self
            .compile(shape)
            .map(Arc::new)
            .map_err(|error| InferenceError::Shape {
                backend: NAME,
                shape,
                reason: first_line(error),
            })?;
        Ok(Arc::clone(compiled.insert(new)))
    }

    fn shaped(&self, shape: [usize; 4]) -> Arc<Shaped> {
        let find = |list: &[Arc<Shaped>]| list.iter().find(|s| s.shape == shape).cloned();
        if let Some(shaped) = find(&self.shapes.read().unwrap_or_else(PoisonError::into_inner)) {
            return shaped;
        }
        let mut list = self.shapes.write().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have been faster.
        find(&list).unwrap_or_else(|| {
            let shaped = Arc::new(Shaped {
                shape,
                compiled: Mutex::default(),
            });
            list.push(Arc::clone(&shaped));
            shaped
        })
    }

    fn compile(&self, shape: [usize; 4]) -> Result<Compiled, openvino::InferenceError> {
        let dims = shape.map(|n| n as i64);
        let mut core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        let mut graph = self.graph.lock().unwrap_or_else(PoisonError::into_inner);
        graph.reshape_single_input(&PartialShape::new_static(4, &dims)?)?;
        let mut model = core.compile_model(&graph, DeviceType::CPU)?;
        let requests = (0..self.streams)
            .map(|_| {
                let mut request = model.create_infer_request()?;
                let input = Tensor::new(ElementType::F32, &Shape::new(&dims)?)?;
                request.set_input_tensor(&input)?;
                Ok(Request { request, input })
            })
            .collect::<Result<_, openvino::InferenceError>>()?;
        Ok(Compiled {
            requests: Pool::new(requests),
            _model: Mutex::new(model),
        })
    }
}

impl Network for OpenVinoNetwork {
    fn outputs(&self) -> &[String] {
        &self.outputs
    }

    fn run(
        &self,
        shape: [usize; 4],
        fill: &mut dyn FnMut(&mut [f32]),
    ) -> Result<Vec<Output>, InferenceError> {
        let compiled = self.compiled(shape)?;
        let mut borrowed = compiled.requests.take();
        let Request { request, input } = &mut *borrowed;
        let mut run = || -> Result<Vec<Output>, openvino::InferenceError> {
            fill(input.get_data_mut::<f32>()?);
            request.infer()?;
            (0..self.outputs.len())
                .map(|i| {
                    let tensor = request.get_output_tensor_by_index(i)?;
                    Ok(Output {
                        shape: tensor
                            .get_shape()?
                            .get_dimensions()
                            .iter()
                            .map(|&n| n as usize)
                            .collect(),
                        values: tensor.get_data::<f32>()?.to_vec(),
                    })
                })
                .collect()
        };
        run().map_err(|error| InferenceError::Run {
            backend: NAME,
            reason: first_line(error),
        })
    }
}
