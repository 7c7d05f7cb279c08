//! A server's settings: read from its SETTINGS frames by `tap`, told to the owner if it wants to know.

/// A server's settings, as far as it has sent them. Mirrors the map of `gun_notify settings_changed`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// Most bytes of the table that compresses headers.
    pub header_table_size: Option<u32>,
    /// Whether pushes are allowed.
    pub enable_push: Option<bool>,
    /// Most streams at a time.
    pub max_concurrent_streams: Option<u32>,
    /// Window of a new stream, in bytes.
    pub initial_window_size: Option<u32>,
    /// Most bytes of a frame.
    pub max_frame_size: Option<u32>,
    /// Most bytes of a list of headers.
    pub max_header_list_size: Option<u32>,
    /// Whether CONNECT may name a protocol (RFC 8441).
    pub enable_connect_protocol: Option<bool>,
}

impl Settings {
    /// Takes over what was sent anew.
    pub(super) fn update(&mut self, new: &Settings) {
        self.header_table_size = new.header_table_size.or(self.header_table_size);
        self.enable_push = new.enable_push.or(self.enable_push);
        self.max_concurrent_streams = new.max_concurrent_streams.or(self.max_concurrent_streams);
        self.initial_window_size = new.initial_window_size.or(self.initial_window_size);
        self.max_frame_size = new.max_frame_size.or(self.max_frame_size);
        self.max_header_list_size = new.max_header_list_size.or(self.max_header_list_size);
        self.enable_connect_protocol = new.enable_connect_protocol.or(self.enable_connect_protocol);
    }

    /// What the payload of a SETTINGS frame says; what has no meaning is overlooked.
    pub(super) fn parse(payload: &[u8]) -> Settings {
        let mut settings = Settings::default();
        for &[a, b, c, d, e, f] in payload.as_chunks::<6>().0 {
            let value = u32::from_be_bytes([c, d, e, f]);
            match u16::from_be_bytes([a, b]) {
                1 => settings.header_table_size = Some(value),
                2 => settings.enable_push = Some(value != 0),
                3 => settings.max_concurrent_streams = Some(value),
                4 => settings.initial_window_size = Some(value),
                5 => settings.max_frame_size = Some(value),
                6 => settings.max_header_list_size = Some(value),
                8 => settings.enable_connect_protocol = Some(value != 0),
                _ => {}
            }
        }
        settings
    }
}
