"""Flax Linen modules: they own the parameters and call `dlx.nn`."""

from dlx.models.alexnet import AlexNet
from dlx.models.attention_seq2seq import GRUSeq2Seq, Seq2SeqState
from dlx.models.autoencoder import ConvAutoencoder
from dlx.models.batch_norm import BatchNorm
from dlx.models.cifar import CIFARNet, PlainCNN
from dlx.models.conv import Conv, ConvTranspose
from dlx.models.densenet import DenseBlock, DenseNet, TransitionLayer
from dlx.models.googlenet import GoogLeNet, Inception, with_auxiliary
from dlx.models.language import CharacterClassifier, FeedForwardLanguageModel, RecurrentLanguageModel
from dlx.models.layer_norm import LayerNorm
from dlx.models.lenet import LeNet
from dlx.models.mlp import MLP, Linear
from dlx.models.multi_head import MultiHeadAttention
from dlx.models.nin import NiN, NiNBlock
from dlx.models.prelu import PReLU
from dlx.models.recurrent import GRU, LSTM, RNN
from dlx.models.resnet import ResidualBlock, ResNet
from dlx.models.tapped import tapped
from dlx.models.torch_names import TorchNames, load_named_weights, torch_names
from dlx.models.transformer import Transformer, TransformerDecoder, TransformerEncoder, TransformerLM, TransformerState
from dlx.models.transformer_layers import TransformerDecoderLayer, TransformerEncoderLayer
from dlx.models.vgg import VGG, VGGBlock
from dlx.models.weights import from_torch, load_torch_weights, load_weights, save_weights
from dlx.models.writing import write_texts

__all__ = [
    "GRU",
    "LSTM",
    "MLP",
    "RNN",
    "VGG",
    "AlexNet",
    "BatchNorm",
    "CIFARNet",
    "CharacterClassifier",
    "Conv",
    "ConvAutoencoder",
    "ConvTranspose",
    "DenseBlock",
    "DenseNet",
    "FeedForwardLanguageModel",
    "GRUSeq2Seq",
    "GoogLeNet",
    "Inception",
    "LayerNorm",
    "LeNet",
    "Linear",
    "MultiHeadAttention",
    "NiN",
    "NiNBlock",
    "PReLU",
    "PlainCNN",
    "RecurrentLanguageModel",
    "ResNet",
    "ResidualBlock",
    "Seq2SeqState",
    "TorchNames",
    "Transformer",
    "TransformerDecoder",
    "TransformerDecoderLayer",
    "TransformerEncoder",
    "TransformerEncoderLayer",
    "TransformerLM",
    "TransformerState",
    "TransitionLayer",
    "VGGBlock",
    "from_torch",
    "load_named_weights",
    "load_torch_weights",
    "load_weights",
    "save_weights",
    "tapped",
    "torch_names",
    "with_auxiliary",
    "write_texts",
]
